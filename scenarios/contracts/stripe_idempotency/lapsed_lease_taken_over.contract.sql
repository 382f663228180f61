-- title:    A lapsed lease goes to the next caller with the same Stripe key, and its late owner is recognised
-- property: replay, state
-- detects:  retry_without_key, state_not_rechecked
--
-- The owner of a lease may have died before, during or after its call to Stripe; nobody knows. The
-- next caller sends the same key, so Stripe does the operation once. The late owner may still say
-- which resource it got, since both got the same one; it may not give up for the new owner.

-- @values operation text, other_operation text
-- @setup
select stripe_idempotency.claim_stripe_idempotency('payout:create', :other_operation, 'sha-1', 60);
-- @call claim_stripe_idempotency
-- @expect ok outcome=claimed, stripe_idempotency_key=payout:create:operation-*, stripe_resource_id=null, attempt=1, *
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :operation, 'sha-1', 60);
-- @let key
select claim.stripe_idempotency_key
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id = :operation;

-- @setup
update stripe_idempotency.stripe_idempotency_keys
set lease_expires_at = clock_timestamp() - interval '1 second'
where operation_id = :operation;

-- @call claim_stripe_idempotency
-- @expect ok same_key=true, outcome=claimed, attempt=2, stripe_resource_id=null, lease_to_come=true
select
    claim.stripe_idempotency_key = :key as same_key,
    claim.outcome,
    claim.attempt,
    claim.stripe_resource_id,
    claim.lease_expires_at > clock_timestamp() + interval '50 seconds' as lease_to_come
from stripe_idempotency.claim_stripe_idempotency('payout:create', :operation, 'sha-1', 60) as claim;
-- @call claim_stripe_idempotency
-- @expect refused outcome=in_progress, *
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :operation, 'sha-1', 60);

-- @call release_stripe_idempotency
-- @expect refused P0001 Lease was lost. Given attempt: 1, Current: 2
select stripe_idempotency.release_stripe_idempotency('payout:create', :operation, 1);
-- @call fail_stripe_idempotency
-- @expect refused P0001 Lease was lost. Given attempt: 1, Current: 2
select stripe_idempotency.fail_stripe_idempotency('payout:create', :operation, 1, 'card_declined');
-- @call claim_stripe_idempotency
-- @expect refused outcome=in_progress, *
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :operation, 'sha-1', 60);

-- @call record_stripe_idempotency
-- @expect ok
select stripe_idempotency.record_stripe_idempotency('payout:create', :operation, :key, 'po_1');
-- @call record_stripe_idempotency
-- @expect ok
select stripe_idempotency.record_stripe_idempotency('payout:create', :operation, :key, 'po_1');

-- @call release_stripe_idempotency
-- @expect refused P0001 Operation is completed: payout:create:operation-*
select stripe_idempotency.release_stripe_idempotency('payout:create', :operation, 2);
-- @call fail_stripe_idempotency
-- @expect refused P0001 Operation is completed: payout:create:operation-*
select stripe_idempotency.fail_stripe_idempotency('payout:create', :operation, 2, 'card_declined');

-- @check One operation is completed by its second owner, and the other one's owner is as it was
select
    count(*) filter (where claim.operation_id = :operation and claim.status = 'completed' and claim.attempt = 2) = 1,
    count(*) filter (where claim.operation_id = :other_operation and claim.attempt = 1) = 1
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id in (:operation, :other_operation);
