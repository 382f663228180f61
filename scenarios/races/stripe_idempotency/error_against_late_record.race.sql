-- title:    The owner of a claim gives it up for an error while the late one records its resource
-- property: serial, state
-- detects:  check_before_lock, state_not_rechecked
-- expect:   exactly 1 ok in record_stripe_idempotency
-- expect:   exactly 0 error
--
-- The resource is there, so in the end the operation is completed, whoever comes first. An error that was read
-- before the record and written after it would take the resource out of sight.

-- @values operation text

-- @setup
insert into stripe_idempotency.stripe_idempotency_keys (
    operation_type, operation_id, stripe_idempotency_key, request_fingerprint, attempt, lease_expires_at
)
values ('payout:create', :operation, :operation, 'sha-1', 2, clock_timestamp() + interval '1 hour');

-- @session owner
-- @call fail_stripe_idempotency
select stripe_idempotency.fail_stripe_idempotency('payout:create', :operation, 2, 'idempotency_error');

-- @session late_owner
-- @call record_stripe_idempotency
select stripe_idempotency.record_stripe_idempotency('payout:create', :operation, :operation, 'po_1');

-- @state
select
    claim.status,
    claim.stripe_resource_id
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id = :operation;
