-- title:    Two callers find one lapsed lease at once
-- property: serial, replay
-- detects:  status_acted_on_twice, check_before_lock
-- expect:   exactly 1 ok in claim_stripe_idempotency
-- expect:   exactly 1 refused in claim_stripe_idempotency
--
-- The owner of the claim has died, and two jobs come to clean up. Both see the lease lapsed; one of them takes it,
-- and the other has to see that it was taken.

-- @values operation text

-- @setup
select stripe_idempotency.claim_stripe_idempotency('payout:create', :operation, 'sha-1');
update stripe_idempotency.stripe_idempotency_keys
set lease_expires_at = clock_timestamp() - interval '1 second'
where operation_id = :operation;

-- @session first_job
-- @call claim_stripe_idempotency
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :operation, 'sha-1');

-- @session second_job
-- @call claim_stripe_idempotency
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :operation, 'sha-1');

-- @state
select
    claim.attempt,
    claim.lease_expires_at > clock_timestamp() + interval '10 seconds' as lease_to_come
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id = :operation;
