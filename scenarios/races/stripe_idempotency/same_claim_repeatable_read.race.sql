-- title:     Two callers claim one operation at once, at repeatable read
-- property:  serial, replay
-- detects:   exception_swallowed, lock_timeout_as_refusal, raw_unique_violation
-- isolation: repeatable read
-- expect:    exactly 0 error
-- expect:    at most 1 ok in claim_stripe_idempotency
--
-- At this isolation level a transaction sees the data as it was when it began, even after it has waited for a lock.
-- The second caller can't see the claim that is in its way. It must hear "try again" (40001) and nothing else.

-- @values user uuid, operation text

-- @setup
insert into stripe_idempotency.users (id) values (:user);

-- @session first_caller
-- @call claim_stripe_idempotency
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', 60, :user);

-- @session second_caller
-- @call claim_stripe_idempotency
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', 60, :user);
