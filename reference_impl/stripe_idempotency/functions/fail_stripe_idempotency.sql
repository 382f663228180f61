-- Stripe has answered an attempt with a definitive error, and would answer the next one with the same: the operation
-- needs attention. Returns the record's id; the same error again returns it again.
--
-- record_stripe_idempotency still completes the operation, should its resource turn up.

create or replace function stripe_idempotency.fail_stripe_idempotency(
    p_operation_type text,
    p_operation_id text,
    p_attempt integer,
    p_error text
)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_claim stripe_idempotency.stripe_idempotency_keys;
begin
    perform stripe_idempotency.check_operation(p_operation_type, p_operation_id);
    if p_error is null or btrim(p_error) = '' then
        raise exception 'Error is missing';
    end if;

    v_claim := stripe_idempotency.lock_claim(p_operation_type, p_operation_id, p_attempt);
    if v_claim.status = 'needs_attention' and v_claim.last_error <> p_error then
        raise exception 'Operation needs attention: %:%', p_operation_type, p_operation_id;
    end if;

    update stripe_idempotency.stripe_idempotency_keys as claim
    set status = 'needs_attention', lease_expires_at = null, last_error = p_error
    where claim.id = v_claim.id
    returning claim.* into strict v_claim;
    return v_claim.id;
end;
$$;

alter function stripe_idempotency.fail_stripe_idempotency(text, text, integer, text)
owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.fail_stripe_idempotency(text, text, integer, text)
from public, anon, authenticated, service_role;
grant execute on function stripe_idempotency.fail_stripe_idempotency(text, text, integer, text) to service_role;
