-- Credit a user with what was paid in a Stripe session, once, and say what happened: {"applied", "reason"}.
--
-- One path: the operation is inserted first, and what was inserted or found decides.

create or replace function credit_purchase.apply_credit_purchase(
    p_user_id uuid,
    p_amount integer,
    p_idempotency_key uuid,
    p_stripe_session_id text
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_operation credit_purchase.credit_operations;
    v_reason text;
begin
    v_reason := case
        when not credit_purchase.caller_is_backend() then 'unauthorized'
        when p_user_id is null then 'missing_user_id'
        when p_amount is null or p_amount <= 0 then 'invalid_amount'
        when p_idempotency_key is null then 'missing_idempotency_key'
        when p_stripe_session_id is null or p_stripe_session_id !~ '\S' then 'missing_stripe_session_id'
    end;
    if v_reason is not null then
        return jsonb_build_object('applied', false, 'reason', v_reason);
    end if;

    begin
        -- Inserting claims the key and the session: a second call with either waits here until the first has
        -- committed or is gone. A conflict target would name one of the two and let the other fail raw. At
        -- repeatable read, a conflict with a row that this transaction can't see ends in 40001.
        insert into credit_purchase.credit_operations as operation (
            idempotency_key, user_id, operation_type, amount, stripe_session_id
        )
        select p_idempotency_key, profile.id, 'purchase', p_amount, p_stripe_session_id
        from credit_purchase.user_profiles as profile
        where profile.id = p_user_id
        on conflict do nothing
        returning operation.* into v_operation;

        if found then
            perform credit_purchase.post_credit_entry(v_operation);
            v_reason := 'applied';
        else
            v_reason := credit_purchase.reason_not_recorded(
                p_user_id, 'purchase', p_amount, p_idempotency_key, p_stripe_session_id => p_stripe_session_id
            );
        end if;
    exception
        -- Leaving the block this way takes the operation back: a refusal keeps nothing and frees its key.
        when sqlstate 'CP001' then
            v_reason := sqlerrm;
    end;
    return jsonb_build_object('applied', v_reason = 'applied', 'reason', v_reason);
end;
$$;

alter function credit_purchase.apply_credit_purchase(uuid, integer, uuid, text) owner to credit_purchase_owner;
revoke all on function credit_purchase.apply_credit_purchase(uuid, integer, uuid, text)
from public, anon, authenticated, service_role;
grant execute on function credit_purchase.apply_credit_purchase(uuid, integer, uuid, text) to service_role;
