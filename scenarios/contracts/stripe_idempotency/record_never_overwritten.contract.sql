-- title:    An operation is recorded with one resource, also by callers who never claimed it
-- property: replay, input, state
-- detects:  not_idempotent, exception_swallowed, raw_unique_violation, state_not_rechecked,
--           key_reused_for_other_arguments
--
-- The record is what tells the next caller not to call Stripe. Where it can't be written the caller
-- has to hear it: an error, never NULL. A second resource for one operation means that Stripe was
-- called twice, and writing it over the first would hide that.

-- @values user uuid, other uuid, unknown uuid, operation text, second text, claimed text
-- @setup
insert into stripe_idempotency.users (id) values (:user), (:other);

-- @call record_stripe_idempotency
-- @expect refused P0001 Invalid operation type: <NULL>
select stripe_idempotency.record_stripe_idempotency(null, null, null, null);
-- @call record_stripe_idempotency
-- @expect refused P0001 Invalid operation id: <NULL>
select stripe_idempotency.record_stripe_idempotency('checkout:create', null, null, null);
-- @call record_stripe_idempotency
-- @expect refused P0001 Invalid Stripe idempotency key: <NULL>
select stripe_idempotency.record_stripe_idempotency('checkout:create', :operation, null, null);
-- @call record_stripe_idempotency
-- @expect refused P0001 Invalid Stripe idempotency key: aaaa*
select stripe_idempotency.record_stripe_idempotency('checkout:create', :operation, repeat('a', 256), null);
-- @call record_stripe_idempotency
-- @expect refused P0001 Invalid Stripe resource id: <NULL>
select stripe_idempotency.record_stripe_idempotency('checkout:create', :operation, 'legacy-1', null, null, '1');
-- @call record_stripe_idempotency
-- @expect refused P0001 Invalid Stripe resource id: *
select stripe_idempotency.record_stripe_idempotency('checkout:create', :operation, 'legacy-1', '');
-- @call record_stripe_idempotency
-- @expect refused P0001 Metadata is not an object
select stripe_idempotency.record_stripe_idempotency('checkout:create', :operation, 'legacy-1', 'cs_1', :unknown, '1');
-- @call record_stripe_idempotency
-- @expect refused P0001 User not found: *-*
select stripe_idempotency.record_stripe_idempotency('checkout:create', :operation, 'legacy-1', 'cs_1', :unknown);
-- @call check_stripe_idempotency
-- @expect ok is_completed=false, stripe_resource_id=null, stripe_idempotency_key=null, created_at=null
select * from stripe_idempotency.check_stripe_idempotency('checkout:create', :operation);

-- Without a claim, under a key of the caller's own making.
-- @call record_stripe_idempotency
-- @expect ok record_stripe_idempotency=*-*
select stripe_idempotency.record_stripe_idempotency(
    'checkout:create', :operation, 'legacy-' || :operation, 'cs_1', :user, '{"event": 1}', '2100-01-01 00:00Z'
);
-- @call record_stripe_idempotency
-- @expect ok same=true
select
    claim.id = stripe_idempotency.record_stripe_idempotency(
        'checkout:create', :operation, 'legacy-' || :operation, 'cs_1', :user, '{"event": 1}', '2100-01-01 00:00Z'
    ) as same
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id = :operation;
-- @call check_stripe_idempotency
-- @expect ok is_completed=true, stripe_resource_id=cs_1, stripe_idempotency_key=legacy-operation-*, created_at=2*
select * from stripe_idempotency.check_stripe_idempotency('checkout:create', :operation);
-- @call claim_stripe_idempotency
-- @expect ok outcome=completed, stripe_idempotency_key=legacy-operation-*, stripe_resource_id=cs_1, attempt=null, lease_expires_at=null
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', 60, :user);
-- @call claim_stripe_idempotency
-- @expect refused P0001 Operation was claimed with other arguments: *
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', 60, :other);

-- @call record_stripe_idempotency
-- @expect refused P0001 Operation is completed with another Stripe resource: checkout:create:operation-*
select stripe_idempotency.record_stripe_idempotency(
    'checkout:create', :operation, 'legacy-' || :operation, 'cs_2', :user
);
-- @call record_stripe_idempotency
-- @expect refused P0001 Operation has another Stripe idempotency key: checkout:create:operation-*
select stripe_idempotency.record_stripe_idempotency('checkout:create', :operation, 'another', 'cs_2', :other);
-- @call record_stripe_idempotency
-- @expect refused P0001 Operation belongs to another user: checkout:create:operation-*
select stripe_idempotency.record_stripe_idempotency(
    'checkout:create', :operation, 'legacy-' || :operation, 'cs_2', :other
);
-- @call record_stripe_idempotency
-- @expect refused P0001 Operation belongs to another user: *
select stripe_idempotency.record_stripe_idempotency('checkout:create', :operation, 'legacy-' || :operation, 'cs_1');
-- @call record_stripe_idempotency
-- @expect refused P0001 Stripe idempotency key was used for another operation: legacy-operation-*
select stripe_idempotency.record_stripe_idempotency(
    'checkout:create', :second, 'legacy-' || :operation, 'cs_1', :user
);
-- A record is no claim, so there is nothing to give up.
-- @call fail_stripe_idempotency
-- @expect refused P0001 Operation is completed: checkout:create:operation-*
select stripe_idempotency.fail_stripe_idempotency('checkout:create', :operation, 0, 'too late');

-- Somebody else's claim is in the way of a caller who never claimed.
-- @call claim_stripe_idempotency
-- @expect ok outcome=claimed, *
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :claimed, 'sha-1', 60, :user);
-- @let key
select claim.stripe_idempotency_key
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id = :claimed;
-- @call record_stripe_idempotency
-- @expect refused P0001 Operation has another Stripe idempotency key: checkout:create:claimed-*
select stripe_idempotency.record_stripe_idempotency('checkout:create', :claimed, 'another', 'cs_3', :user);
-- @call record_stripe_idempotency
-- @expect refused P0001 Operation belongs to another user: checkout:create:claimed-*
select stripe_idempotency.record_stripe_idempotency('checkout:create', :claimed, :key, 'cs_4', :other);
-- @call record_stripe_idempotency
-- @expect refused P0001 Stripe idempotency key was used for another operation: checkout:create:claimed-*
select stripe_idempotency.record_stripe_idempotency('checkout:create', :second, :key, 'cs_4', :user);
-- @call record_stripe_idempotency
-- @expect ok
select stripe_idempotency.record_stripe_idempotency('checkout:create', :claimed, :key, 'cs_4', :user, null);
-- @call record_stripe_idempotency
-- @expect refused P0001 Operation is completed with another Stripe resource: checkout:create:claimed-*
select stripe_idempotency.record_stripe_idempotency('checkout:create', :claimed, :key, 'cs_5', :user);

-- What is recorded stays as it was, whatever else a repeat has to say of it.
-- @call record_stripe_idempotency
-- @expect ok
select stripe_idempotency.record_stripe_idempotency(
    'checkout:create', :claimed, :key, 'cs_4', :user, '{"event": 2}', '2100-01-01 00:00Z'
);

-- An operation is an id of a type: of two with one id, each is recorded, and found again, by itself.
-- @call record_stripe_idempotency
-- @expect ok
select stripe_idempotency.record_stripe_idempotency(
    'refund:create', :claimed, 'legacy-' || :claimed, 're_1', :other
);
-- @call record_stripe_idempotency
-- @expect ok
select stripe_idempotency.record_stripe_idempotency('checkout:create', :claimed, :key, 'cs_4', :user);
-- @call record_stripe_idempotency
-- @expect ok
select stripe_idempotency.record_stripe_idempotency(
    'refund:create', :claimed, 'legacy-' || :claimed, 're_1', :other
);

-- @check Each has what it was recorded with first, and the refused ones left nothing
select
    count(*) = 2,
    bool_and(claim.status = 'completed' and claim.user_id = :user),
    bool_and(claim.stripe_resource_id = case claim.operation_id when :operation then 'cs_1' else 'cs_4' end),
    bool_and(claim.metadata = case claim.operation_id when :operation then '{"event": 1}'::jsonb else '{}' end),
    bool_and((claim.operation_id = :operation) = (claim.expires_at = '2100-01-01 00:00Z'))
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_type = 'checkout:create' and claim.operation_id in (:operation, :second, :claimed);
