-- title:    An operation is claimed by one caller, with one Stripe key, and then found completed
-- property: replay, state
-- detects:  key_reused_for_other_arguments, lock_split_across_calls, retry_without_key, null_passes_check
--
-- A look alone leaves a gap in which two callers both call Stripe. The first one gets the lease and
-- the key; others hear that somebody is at it, and get no key to call with. Other arguments under
-- the same name are another operation, and refused.

-- @values user uuid, other uuid, unknown uuid, operation text, guest_operation text
-- @setup
insert into stripe_idempotency.users (id) values (:user), (:other);

-- Arguments are checked one after another; what is refused claims nothing.
-- @call claim_stripe_idempotency
-- @expect refused P0001 Invalid operation type: <NULL>
select * from stripe_idempotency.claim_stripe_idempotency(null, null, 'sha-1');
-- @call claim_stripe_idempotency
-- @expect refused P0001 Invalid operation type: checkout create
select * from stripe_idempotency.claim_stripe_idempotency('checkout create', '', 'sha-1');
-- @call claim_stripe_idempotency
-- @expect refused P0001 Invalid operation type: aaaa*
select * from stripe_idempotency.claim_stripe_idempotency(repeat('a', 65), :operation, 'sha-1');
-- @call claim_stripe_idempotency
-- @expect refused P0001 Invalid operation id: <NULL>
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', null, null);
-- @call claim_stripe_idempotency
-- @expect refused P0001 Invalid operation id: *
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', '', null);
-- @call claim_stripe_idempotency
-- @expect refused P0001 Invalid operation id: aaaa*
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', repeat('a', 129), null);
-- @call claim_stripe_idempotency
-- @expect refused P0001 Invalid request fingerprint: <NULL>
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, null, 0);
-- @call claim_stripe_idempotency
-- @expect refused P0001 Invalid request fingerprint: *
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, ' ', 0);
-- @call claim_stripe_idempotency
-- @expect refused P0001 Invalid lease: 0
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', 0, null, '[]');
-- @call claim_stripe_idempotency
-- @expect refused P0001 Invalid lease: -60
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', -60);
-- @call claim_stripe_idempotency
-- @expect refused P0001 Invalid lease: 3601
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', 3601);
-- @call claim_stripe_idempotency
-- @expect refused P0001 Invalid lease: <NULL>
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', null);
-- @call claim_stripe_idempotency
-- @expect refused P0001 Metadata is not an object
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', 60, :unknown, '[]');
-- @call claim_stripe_idempotency
-- @expect refused P0001 User not found: *-*
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', 60, :unknown);

-- @call check_stripe_idempotency
-- @expect ok is_completed=false, stripe_resource_id=null, stripe_idempotency_key=null, created_at=null
select * from stripe_idempotency.check_stripe_idempotency('checkout:create', :operation);

-- @call claim_stripe_idempotency
-- @expect ok stripe_idempotency_key=checkout:create:operation-*:????????-????-4???-????-????????????, outcome=claimed, stripe_resource_id=null, attempt=1, lease=0:01:00
select
    claim.stripe_idempotency_key,
    claim.outcome,
    claim.stripe_resource_id,
    claim.attempt,
    date_trunc('minute', claim.lease_expires_at - clock_timestamp() + interval '1 second') as lease
from stripe_idempotency.claim_stripe_idempotency(
    'checkout:create', :operation, 'sha-1', 60, :user, '{"event": 1}'
) as claim;
-- @let key
select claim.stripe_idempotency_key
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_type = 'checkout:create' and claim.operation_id = :operation;

-- @call check_stripe_idempotency
-- @expect ok is_completed=false, stripe_resource_id=null, stripe_idempotency_key=checkout:create:*, created_at=2*
select * from stripe_idempotency.check_stripe_idempotency('checkout:create', :operation);

-- @call claim_stripe_idempotency
-- @expect refused outcome=in_progress, stripe_idempotency_key=null, stripe_resource_id=null, attempt=null, lease_expires_at=2*
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', 60, :user);

-- @call claim_stripe_idempotency
-- @expect refused P0001 Operation was claimed with other arguments: checkout:create:operation-*
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-2', 60, :user);
-- @call claim_stripe_idempotency
-- @expect refused P0001 Operation was claimed with other arguments: *
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', 60, :other);
-- @call claim_stripe_idempotency
-- @expect refused P0001 Operation was claimed with other arguments: *
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', 60);

-- Another type of operation on the same thing is an operation of its own, and a guest needs no account.
-- @call claim_stripe_idempotency
-- @expect ok outcome=claimed, stripe_idempotency_key=refund:create:operation-*, stripe_resource_id=null, attempt=1, *
select * from stripe_idempotency.claim_stripe_idempotency('refund:create', :operation, 'sha-1', 3600, :user);
-- @call claim_stripe_idempotency
-- @expect ok outcome=claimed, stripe_idempotency_key=checkout:create:guest_operation-*, stripe_resource_id=null, attempt=1, *
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :guest_operation, 'sha-1', 1, null, null);

-- @call record_stripe_idempotency
-- @expect ok
select stripe_idempotency.record_stripe_idempotency(
    'checkout:create', :operation, :key, 'cs_1', :user, '{"session": 2}'
);

-- @call claim_stripe_idempotency
-- @expect ok outcome=completed, stripe_idempotency_key=checkout:create:operation-*, stripe_resource_id=cs_1, attempt=null, lease_expires_at=null
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', 60, :user);
-- @call claim_stripe_idempotency
-- @expect refused P0001 Operation was claimed with other arguments: *
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-2', 60, :user);
-- @call check_stripe_idempotency
-- @expect ok is_completed=true, stripe_resource_id=cs_1, stripe_idempotency_key=checkout:create:operation-*, created_at=2*
select * from stripe_idempotency.check_stripe_idempotency('checkout:create', :operation);
-- @call check_stripe_idempotency
-- @expect refused P0001 Invalid operation type: <NULL>
select * from stripe_idempotency.check_stripe_idempotency(null, :operation);
-- @call check_stripe_idempotency
-- @expect refused P0001 Invalid operation id: *
select * from stripe_idempotency.check_stripe_idempotency('checkout:create', '');

-- @check The key is the claim's, it is good for 23 hours, and what both said about the operation is kept
select
    claim.stripe_idempotency_key = :key,
    claim.metadata = '{"event": 1, "session": 2}',
    claim.attempt = 1,
    claim.expires_at - claim.created_at between interval '22:59:59' and interval '23:00:01'
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_type = 'checkout:create' and claim.operation_id = :operation;
