-- Lock the claim of an operation and return it, if this attempt still is the last one.
--
-- An owner whose lease lapsed keeps its right until somebody takes over. After that it must not speak for the claim:
-- the new owner may be calling Stripe just now.

create or replace function stripe_idempotency.lock_claim(
    p_operation_type text,
    p_operation_id text,
    p_attempt integer
)
returns stripe_idempotency.stripe_idempotency_keys
language plpgsql
set search_path = ''
as $$
declare
    v_claim stripe_idempotency.stripe_idempotency_keys;
begin
    select claim.*
    into v_claim
    from stripe_idempotency.stripe_idempotency_keys as claim
    where claim.operation_type = p_operation_type and claim.operation_id = p_operation_id
    for no key update;

    if v_claim.id is null then
        raise exception 'Operation not found: %:%', p_operation_type, p_operation_id;
    elsif v_claim.attempt is distinct from p_attempt then
        raise exception 'Lease was lost. Given attempt: %, Current: %', p_attempt, v_claim.attempt;
    elsif v_claim.status = 'completed' then
        raise exception 'Operation is completed: %:%', p_operation_type, p_operation_id;
    end if;
    return v_claim;
end;
$$;

alter function stripe_idempotency.lock_claim(text, text, integer) owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.lock_claim(text, text, integer)
from public, anon, authenticated, service_role;
