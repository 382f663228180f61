-- title:    Two callers who never claim look, call Stripe each with a key of its own, and record
-- property: serial, replay
-- detects:  check_then_act, state_not_rechecked, raw_unique_violation, exception_swallowed
-- expect:   exactly 1 ok in record_stripe_idempotency
-- expect:   exactly 1 refused in record_stripe_idempotency
--
-- Between a look and a record there is room for another caller: both see nothing, and both call Stripe. That can't be
-- undone here any more, but it must come to light. The second record is refused, and the first one stands.

-- @values operation text, first_key text, second_key text

-- @session first_caller
-- @call check_stripe_idempotency
select
    found.is_completed,
    found.stripe_resource_id
from stripe_idempotency.check_stripe_idempotency('checkout:create', :operation) as found;
-- @call record_stripe_idempotency
select stripe_idempotency.record_stripe_idempotency('checkout:create', :operation, :first_key, 'cs_first');

-- @session second_caller
-- @call check_stripe_idempotency
select
    found.is_completed,
    found.stripe_resource_id
from stripe_idempotency.check_stripe_idempotency('checkout:create', :operation) as found;
-- @call record_stripe_idempotency
select stripe_idempotency.record_stripe_idempotency('checkout:create', :operation, :second_key, 'cs_second');
