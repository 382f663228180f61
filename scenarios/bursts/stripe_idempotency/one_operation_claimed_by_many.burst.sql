-- title:    Fifty callers claim one operation at the same instant, and one of them may call Stripe
-- property: serial, replay
-- detects:  check_then_act, insert_where_not_exists
-- callers:  50
-- expect:   exactly 1 ok in claim_stripe_idempotency
-- expect:   the others refused
--
-- Whoever has the lease goes to Stripe. Two leases are two charges of one card.

-- @values operation text

-- @call claim_stripe_idempotency
select * from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', 60);

-- @check There is one claim, at its first attempt
select count(*) = 1 and max(claim.attempt) = 1
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id = :operation;
