-- title:    The late owner of a claim and its new one record the same resource at once
-- property: serial, replay
-- detects:  check_before_lock, raw_unique_violation
-- expect:   exactly 2 ok in record_stripe_idempotency
--
-- Both sent the same key, so Stripe has given both the same resource. There is nothing to refuse: both hear the id of
-- the one record, and it stays as the first one of them wrote it.

-- @values operation text

-- @setup
insert into stripe_idempotency.stripe_idempotency_keys (
    operation_type, operation_id, stripe_idempotency_key, request_fingerprint, attempt, lease_expires_at
)
values ('payout:create', :operation, :operation, 'sha-1', 2, clock_timestamp() + interval '1 hour');

-- @session late_owner
-- @call record_stripe_idempotency
select stripe_idempotency.record_stripe_idempotency(
    'payout:create', :operation, :operation, 'po_1', null, '{"late": true}'
);

-- @session new_owner
-- @call record_stripe_idempotency
select stripe_idempotency.record_stripe_idempotency(
    'payout:create', :operation, :operation, 'po_1', null, '{"new": true}'
);
