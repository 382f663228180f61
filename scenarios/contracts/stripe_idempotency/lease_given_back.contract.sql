-- title:    A lease that was given back goes to the next caller at once, with the same Stripe key
-- property: replay, state
-- detects:  row_count_ignored, retry_without_key
--
-- Where Stripe was never reached, waiting for the lease to lapse only costs time. Giving it back is
-- the owner's word alone, and says nothing about operations that nobody has claimed.

-- @values operation text, unknown text, namesake text
-- @call release_stripe_idempotency
-- @expect refused P0001 Invalid operation type: <NULL>
select stripe_idempotency.release_stripe_idempotency(null, null, null);
-- @call release_stripe_idempotency
-- @expect refused P0001 Invalid operation id: two words
select stripe_idempotency.release_stripe_idempotency('refund:create', 'two words', null);
-- @call release_stripe_idempotency
-- @expect refused P0001 Operation not found: refund:create:unknown-*
select stripe_idempotency.release_stripe_idempotency('refund:create', :unknown, 1);

-- @call claim_stripe_idempotency
-- @expect ok outcome=claimed, *
select * from stripe_idempotency.claim_stripe_idempotency('refund:create', :operation, 'sha-1', 3600);
-- @let key
select claim.stripe_idempotency_key
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id = :operation;
-- @call release_stripe_idempotency
-- @expect refused P0001 Lease was lost. Given attempt: <NULL>, Current: 1
select stripe_idempotency.release_stripe_idempotency('refund:create', :operation, null);
-- @call claim_stripe_idempotency
-- @expect refused outcome=in_progress, *
select * from stripe_idempotency.claim_stripe_idempotency('refund:create', :operation, 'sha-1', 3600);

-- @call release_stripe_idempotency
-- @expect ok release_stripe_idempotency=*-*
select stripe_idempotency.release_stripe_idempotency('refund:create', :operation, 1);
-- @call release_stripe_idempotency
-- @expect ok same=true
select stripe_idempotency.release_stripe_idempotency('refund:create', :operation, 1) = claim.id as same
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id = :operation;
-- @call claim_stripe_idempotency
-- @expect refused P0001 Operation was claimed with other arguments: *
select * from stripe_idempotency.claim_stripe_idempotency('refund:create', :operation, 'sha-2', 3600);
-- @call claim_stripe_idempotency
-- @expect ok same_key=true, outcome=claimed, attempt=2
select
    claim.stripe_idempotency_key = :key as same_key,
    claim.outcome,
    claim.attempt
from stripe_idempotency.claim_stripe_idempotency('refund:create', :operation, 'sha-1', 3600) as claim;

-- An owner whose lease has lapsed keeps its right until somebody takes over, and may still give it back.
-- @setup
update stripe_idempotency.stripe_idempotency_keys
set lease_expires_at = clock_timestamp() - interval '1 minute'
where operation_id = :operation;
-- @call release_stripe_idempotency
-- @expect ok
select stripe_idempotency.release_stripe_idempotency('refund:create', :operation, 2);

-- An operation is an id of a type: giving one lease back leaves those of its namesakes alone.
-- @call claim_stripe_idempotency
-- @expect ok outcome=claimed, *
select * from stripe_idempotency.claim_stripe_idempotency('refund:create', :namesake, 'sha-1', 3600);
-- @call claim_stripe_idempotency
-- @expect ok outcome=claimed, *
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :namesake, 'sha-1', 3600);
-- @call release_stripe_idempotency
-- @expect ok
select stripe_idempotency.release_stripe_idempotency('checkout:create', :namesake, 1);
-- @call claim_stripe_idempotency
-- @expect refused outcome=in_progress, *
select * from stripe_idempotency.claim_stripe_idempotency('refund:create', :namesake, 'sha-1', 3600);
-- @call claim_stripe_idempotency
-- @expect ok outcome=claimed, *
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :namesake, 'sha-1', 3600);
-- @call release_stripe_idempotency
-- @expect ok
select stripe_idempotency.release_stripe_idempotency('refund:create', :namesake, 1);

-- @check It lapsed when it did, and nothing was made of the unknown
select
    count(*) = 1,
    bool_and(claim.lease_expires_at < clock_timestamp() - interval '50 seconds' and claim.attempt = 2)
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id in (:operation, :unknown);
