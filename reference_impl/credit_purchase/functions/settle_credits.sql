-- Use up reserved credits, all of them or a part: {"applied", "reason"}. What isn't settled stays held until it is
-- settled or returned too.
--
-- The credits have left the balance when they were reserved, so this moves none and writes no entry.

create or replace function credit_purchase.settle_credits(
    p_user_id uuid,
    p_amount integer,
    p_idempotency_key uuid,
    p_reservation_key uuid
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
        when p_reservation_key is null then 'missing_reservation_key'
    end;
    if v_reason is not null then
        return jsonb_build_object('applied', false, 'reason', v_reason);
    end if;

    begin
        -- Inserting claims the key, as in apply_credit_purchase.
        -- The reservation is locked before: the operation refers to it and so shares its row, and calls that had all
        -- shared it would have to get past each other for the lock.
        insert into credit_purchase.credit_operations as operation (
            idempotency_key, user_id, operation_type, amount, reservation_key
        )
        select p_idempotency_key, reservation.user_id, 'settle', p_amount, reservation.reservation_key
        from credit_purchase.credit_reservations as reservation
        where reservation.reservation_key = p_reservation_key and reservation.user_id = p_user_id
        for no key update
        on conflict do nothing
        returning operation.* into v_operation;

        if found then
            perform credit_purchase.draw_on_reservation(v_operation);
            v_reason := 'applied';
        else
            v_reason := credit_purchase.reason_not_recorded(
                p_user_id, 'settle', p_amount, p_idempotency_key, p_reservation_key => p_reservation_key
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

alter function credit_purchase.settle_credits(uuid, integer, uuid, uuid) owner to credit_purchase_owner;
revoke all on function credit_purchase.settle_credits(uuid, integer, uuid, uuid)
from public, anon, authenticated, service_role;
grant execute on function credit_purchase.settle_credits(uuid, integer, uuid, uuid) to service_role;
