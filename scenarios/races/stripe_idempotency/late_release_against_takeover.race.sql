-- title:    A late owner gives its lease back while another caller takes it over
-- property: serial, state
-- detects:  check_before_lock, status_acted_on_twice
-- expect:   exactly 1 ok in claim_stripe_idempotency
-- expect:   exactly 0 error
--
-- Given back before the takeover, the lease makes no difference; afterwards it isn't the late owner's to give. If it
-- looks before the takeover and writes after it, the new owner's lease is gone, and a third caller goes to Stripe
-- at the same time.

-- @values operation text

-- @setup
insert into stripe_idempotency.stripe_idempotency_keys (
    operation_type, operation_id, stripe_idempotency_key, request_fingerprint, attempt, lease_expires_at
)
values ('payout:create', :operation, :operation, 'sha-1', 1, clock_timestamp() - interval '1 second');

-- @session late_owner
-- @call release_stripe_idempotency
select stripe_idempotency.release_stripe_idempotency('payout:create', :operation, 1);

-- @session next_caller
-- @call claim_stripe_idempotency
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :operation, 'sha-1');

-- @state
select
    claim.attempt,
    claim.lease_expires_at > clock_timestamp() + interval '10 seconds' as lease_to_come
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id = :operation;
