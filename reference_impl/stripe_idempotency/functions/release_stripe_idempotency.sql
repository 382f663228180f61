-- Give a lease back after an error that had no effect (no connection, too many requests), so that the next caller
-- needn't wait for it to lapse. Returns the record's id; giving it back again changes nothing.
--
-- The next caller sends the same Stripe key, so this can't do an operation twice even where the error was misread.

create or replace function stripe_idempotency.release_stripe_idempotency(
    p_operation_type text,
    p_operation_id text,
    p_attempt integer
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

    v_claim := stripe_idempotency.lock_claim(p_operation_type, p_operation_id, p_attempt);
    if v_claim.status = 'needs_attention' then
        raise exception 'Operation needs attention: %:%', p_operation_type, p_operation_id;
    end if;

    update stripe_idempotency.stripe_idempotency_keys as claim
    set lease_expires_at = least(claim.lease_expires_at, clock_timestamp())
    where claim.id = v_claim.id
    returning claim.* into strict v_claim;
    return v_claim.id;
end;
$$;

alter function stripe_idempotency.release_stripe_idempotency(text, text, integer) owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.release_stripe_idempotency(text, text, integer)
from public, anon, authenticated, service_role;
grant execute on function stripe_idempotency.release_stripe_idempotency(text, text, integer) to service_role;
