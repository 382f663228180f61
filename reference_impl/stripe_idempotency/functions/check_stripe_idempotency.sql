-- Look whether an operation is completed, and with which Stripe resource. Always one row.
--
-- It is a look and no claim: two callers who see that nothing is there would both call Stripe. Ask
-- claim_stripe_idempotency before calling.

create or replace function stripe_idempotency.check_stripe_idempotency(
    p_operation_type text,
    p_operation_id text,
    out is_completed boolean,
    out stripe_resource_id text,
    out stripe_idempotency_key text,
    out created_at timestamptz
)
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
    perform stripe_idempotency.check_operation(p_operation_type, p_operation_id);

    select claim.status = 'completed', claim.stripe_resource_id, claim.stripe_idempotency_key, claim.created_at
    into is_completed, stripe_resource_id, stripe_idempotency_key, created_at
    from stripe_idempotency.stripe_idempotency_keys as claim
    where claim.operation_type = p_operation_type and claim.operation_id = p_operation_id;

    is_completed := coalesce(is_completed, false);
end;
$$;

alter function stripe_idempotency.check_stripe_idempotency(text, text) owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.check_stripe_idempotency(text, text)
from public, anon, authenticated, service_role;
grant execute on function stripe_idempotency.check_stripe_idempotency(text, text) to service_role;
