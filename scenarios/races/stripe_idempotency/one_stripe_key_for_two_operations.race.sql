-- title:    Two operations are recorded under one Stripe key at once
-- property: serial, replay
-- detects:  raw_unique_violation, unique_missing_on_key
-- expect:   exactly 1 ok in record_stripe_idempotency
-- expect:   exactly 1 refused in record_stripe_idempotency
--
-- A key of the caller's own making that isn't as unique as it looks: Stripe has answered the second operation with
-- the first one's resource. One record stands; the other caller hears why, and not an index's name.

-- @values first_operation text, second_operation text, key text

-- @session first_caller
-- @call record_stripe_idempotency
select stripe_idempotency.record_stripe_idempotency('refund:create', :first_operation, :key, 're_1');

-- @session second_caller
-- @call record_stripe_idempotency
select stripe_idempotency.record_stripe_idempotency('refund:create', :second_operation, :key, 're_1');
