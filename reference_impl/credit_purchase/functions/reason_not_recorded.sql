-- Say why an operation's insert has inserted nothing: its key or its Stripe session was there before, or who or
-- what it is for isn't there at all.
--
-- Operations are never changed or removed, so what kept the insert from happening can still be read. It is one
-- statement, after the insert: it sees what has committed while the insert waited, and all of it at one moment.
-- (At repeatable read it wouldn't see that, and the insert itself has raised 40001.)

create or replace function credit_purchase.reason_not_recorded(
    p_user_id uuid,
    p_operation_type text,
    p_amount integer,
    p_idempotency_key uuid,
    p_stripe_session_id text default null,
    p_reservation_key uuid default null
)
returns text
language sql
set search_path = ''
as $$
    select coalesce(
        (
            select case
                when (
                    operation.user_id,
                    operation.operation_type,
                    operation.amount,
                    operation.stripe_session_id,
                    operation.reservation_key
                ) is not distinct from (
                    p_user_id, p_operation_type, p_amount, p_stripe_session_id, p_reservation_key
                )
                    then 'idempotency_key_already_processed'
                else 'idempotency_key_conflict'
            end
            from credit_purchase.credit_operations as operation
            where operation.idempotency_key = p_idempotency_key
        ),
        (
            select 'stripe_session_already_processed'
            from credit_purchase.credit_operations as operation
            where operation.stripe_session_id = p_stripe_session_id
        ),
        case when p_reservation_key is null then 'user_profile_not_found' else 'reservation_not_found' end
    );
$$;

alter function credit_purchase.reason_not_recorded(uuid, text, integer, uuid, text, uuid)
owner to credit_purchase_owner;
revoke all on function credit_purchase.reason_not_recorded(uuid, text, integer, uuid, text, uuid)
from public, anon, authenticated, service_role;
