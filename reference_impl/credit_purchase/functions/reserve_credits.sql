-- Set credits aside before the work that they pay for begins: {"applied", "reason"}. They leave the balance at
-- once, so that nothing else can spend them.
--
-- The idempotency key is the reservation's name afterwards: settle_credits and refund_credits ask for it.

create or replace function credit_purchase.reserve_credits(
    p_user_id uuid,
    p_amount integer,
    p_idempotency_key uuid
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
    end;
    if v_reason is not null then
        return jsonb_build_object('applied', false, 'reason', v_reason);
    end if;

    begin
        -- Inserting claims the key, as in apply_credit_purchase.
        insert into credit_purchase.credit_operations as operation (
            idempotency_key, user_id, operation_type, amount
        )
        select p_idempotency_key, profile.id, 'reserve', p_amount
        from credit_purchase.user_profiles as profile
        where profile.id = p_user_id
        on conflict do nothing
        returning operation.* into v_operation;

        if found then
            perform credit_purchase.post_credit_entry(v_operation);
            insert into credit_purchase.credit_reservations (reservation_key, user_id, amount)
            values (p_idempotency_key, p_user_id, p_amount);
            v_reason := 'applied';
        else
            v_reason := credit_purchase.reason_not_recorded(p_user_id, 'reserve', p_amount, p_idempotency_key);
        end if;
    exception
        -- Leaving the block this way takes the operation back: a refusal keeps nothing and frees its key.
        when sqlstate 'CP001' then
            v_reason := sqlerrm;
    end;
    return jsonb_build_object('applied', v_reason = 'applied', 'reason', v_reason);
end;
$$;

alter function credit_purchase.reserve_credits(uuid, integer, uuid) owner to credit_purchase_owner;
revoke all on function credit_purchase.reserve_credits(uuid, integer, uuid)
from public, anon, authenticated, service_role;
grant execute on function credit_purchase.reserve_credits(uuid, integer, uuid) to service_role;
