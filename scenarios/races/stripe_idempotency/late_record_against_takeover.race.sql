-- title:    A late owner records its resource while another caller takes the lease over
-- property: serial, state
-- detects:  check_before_lock, status_acted_on_twice, state_not_rechecked
-- expect:   exactly 1 ok in record_stripe_idempotency
-- expect:   exactly 0 error
--
-- The call to Stripe took longer than the lease. Either the next caller finds the operation completed, or it takes
-- over and the record completes what is then its operation. A caller who acts on the claim as it was before the record
-- would call Stripe for something that is there.

-- @values operation text

-- @setup
insert into stripe_idempotency.stripe_idempotency_keys (
    operation_type, operation_id, stripe_idempotency_key, request_fingerprint, attempt, lease_expires_at
)
values ('payout:create', :operation, :operation, 'sha-1', 1, clock_timestamp() - interval '1 second');

-- @session late_owner
-- @call record_stripe_idempotency
select stripe_idempotency.record_stripe_idempotency('payout:create', :operation, :operation, 'po_1');

-- @session next_caller
-- @call claim_stripe_idempotency
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :operation, 'sha-1');
