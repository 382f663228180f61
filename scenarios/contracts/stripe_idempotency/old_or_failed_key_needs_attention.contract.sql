-- title:    A key that is too old, or that Stripe has refused, is never sent again blindly
-- property: state, replay
-- detects:  state_not_rechecked, retry_without_key
--
-- Stripe forgets a key after 24 hours: sent again, it would do the operation a second time. Until
-- then it answers with what it stored, errors included, so trying again can't help. Both need
-- somebody to look. A resource that turns up after all is recorded, and that settles it.

-- @values user uuid, young text, lasting text, old text, failed text, spare text
-- @setup
insert into stripe_idempotency.users (id) values (:user);

-- A day has 24 hours, and one is kept back.
-- @call claim_stripe_idempotency
-- @expect ok outcome=claimed, *
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :young, 'sha-1', 3600);
-- @call claim_stripe_idempotency
-- @expect ok outcome=claimed, *
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :lasting, 'sha-1', 600);
-- @call claim_stripe_idempotency
-- @expect ok outcome=claimed, *
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :old, 'sha-1', 60, :user);
-- @let old_key
select claim.stripe_idempotency_key
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id = :old;

-- @setup
update stripe_idempotency.stripe_idempotency_keys
set
    created_at = created_at - interval '22:59',
    expires_at = expires_at - interval '22:59',
    lease_expires_at = clock_timestamp() - interval '1 second'
where operation_id = :young;
update stripe_idempotency.stripe_idempotency_keys
set created_at = created_at - interval '23:30', expires_at = expires_at - interval '23:30'
where operation_id = :lasting;
update stripe_idempotency.stripe_idempotency_keys
set
    created_at = created_at - interval '23:01',
    expires_at = expires_at - interval '23:01',
    lease_expires_at = lease_expires_at - interval '23:01'
where operation_id = :old;

-- @call claim_stripe_idempotency
-- @expect ok outcome=claimed, stripe_idempotency_key=payout:create:young-*, stripe_resource_id=null, attempt=2, *
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :young, 'sha-1', 3600);
-- The owner of a lease is waited for.
-- @call claim_stripe_idempotency
-- @expect refused outcome=in_progress, *
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :lasting, 'sha-1', 600);
-- @call claim_stripe_idempotency
-- @expect refused outcome=needs_attention, stripe_idempotency_key=payout:create:old-*, stripe_resource_id=null, attempt=null, lease_expires_at=null
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :old, 'sha-1', 60, :user);
-- @call claim_stripe_idempotency
-- @expect refused outcome=needs_attention, *
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :old, 'sha-1', 60, :user);
-- @call claim_stripe_idempotency
-- @expect refused P0001 Operation was claimed with other arguments: *
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :old, 'sha-2', 60, :user);
-- @call check_stripe_idempotency
-- @expect ok is_completed=false, stripe_resource_id=null, *
select * from stripe_idempotency.check_stripe_idempotency('payout:create', :old);

-- @check It says why
select
    claim.status = 'needs_attention',
    claim.last_error = 'Stripe key is too old to be sent again',
    claim.attempt = 1
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id = :old;

-- @call record_stripe_idempotency
-- @expect ok
select stripe_idempotency.record_stripe_idempotency('payout:create', :old, :old_key, 'po_found', :user);
-- @call claim_stripe_idempotency
-- @expect ok outcome=completed, stripe_idempotency_key=payout:create:old-*, stripe_resource_id=po_found, *
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :old, 'sha-1', 60, :user);

-- Stripe has said no.
-- @call fail_stripe_idempotency
-- @expect refused P0001 Invalid operation type: <NULL>
select stripe_idempotency.fail_stripe_idempotency(null, null, null, null);
-- @call fail_stripe_idempotency
-- @expect refused P0001 Invalid operation id: <NULL>
select stripe_idempotency.fail_stripe_idempotency('payout:create', null, null, null);
-- @call fail_stripe_idempotency
-- @expect refused P0001 Error is missing
select stripe_idempotency.fail_stripe_idempotency('payout:create', :failed, 1, null);
-- @call fail_stripe_idempotency
-- @expect refused P0001 Error is missing
select stripe_idempotency.fail_stripe_idempotency('payout:create', :failed, 1, ' ');
-- @call fail_stripe_idempotency
-- @expect refused P0001 Operation not found: payout:create:failed-*
select stripe_idempotency.fail_stripe_idempotency('payout:create', :failed, 1, 'account_closed');

-- @call claim_stripe_idempotency
-- @expect ok outcome=claimed, *
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :failed, 'sha-1');
-- @call fail_stripe_idempotency
-- @expect refused P0001 Lease was lost. Given attempt: <NULL>, Current: 1
select stripe_idempotency.fail_stripe_idempotency('payout:create', :failed, null, 'account_closed');
-- @call fail_stripe_idempotency
-- @expect refused P0001 Lease was lost. Given attempt: 2, Current: 1
select stripe_idempotency.fail_stripe_idempotency('payout:create', :failed, 2, 'account_closed');
-- @call fail_stripe_idempotency
-- @expect ok fail_stripe_idempotency=*-*
select stripe_idempotency.fail_stripe_idempotency('payout:create', :failed, 1, 'account_closed');
-- @call fail_stripe_idempotency
-- @expect ok same=true
select stripe_idempotency.fail_stripe_idempotency('payout:create', :failed, 1, 'account_closed') = claim.id as same
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id = :failed;
-- @call fail_stripe_idempotency
-- @expect refused P0001 Operation needs attention: payout:create:failed-*
select stripe_idempotency.fail_stripe_idempotency('payout:create', :failed, 1, 'another error');
-- @call release_stripe_idempotency
-- @expect refused P0001 Operation needs attention: payout:create:failed-*
select stripe_idempotency.release_stripe_idempotency('payout:create', :failed, 1);
-- @call claim_stripe_idempotency
-- @expect refused outcome=needs_attention, *
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :failed, 'sha-1');

-- @check What Stripe said is kept
select
    claim.status = 'needs_attention',
    claim.last_error = 'account_closed'
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id = :failed;
