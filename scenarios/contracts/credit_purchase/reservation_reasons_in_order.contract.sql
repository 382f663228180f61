-- title:    Reserving, settling and giving back refuse invalid arguments, for the first reason in a fixed order
-- property: input
-- detects:  negative_amount, null_passes_check
--
-- A negative reservation adds credits, a negative settlement or refund gives a reservation more than was
-- put in. Each call below lacks everything that comes later in the order.

-- @values owner uuid, unknown uuid, paid_key uuid, held uuid, key uuid, paid text
-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);

-- @call apply_credit_purchase
-- @expect ok
select * from credit_purchase.apply_credit_purchase(:owner, 100, :paid_key, :paid);

-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "missing_user_id", "applied": false}
select * from credit_purchase.reserve_credits(null, null, null);
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "invalid_amount", "applied": false}
select * from credit_purchase.reserve_credits(:unknown, null, null);
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "invalid_amount", "applied": false}
select * from credit_purchase.reserve_credits(:unknown, 0, null);
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "invalid_amount", "applied": false}
select * from credit_purchase.reserve_credits(:owner, -50, :key);
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "missing_idempotency_key", "applied": false}
select * from credit_purchase.reserve_credits(:unknown, 50, null);
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "user_profile_not_found", "applied": false}
select * from credit_purchase.reserve_credits(:unknown, 50, :key);

-- @call reserve_credits
-- @expect ok reserve_credits={"reason": "applied", "applied": true}
select * from credit_purchase.reserve_credits(:owner, 50, :held);
-- Arguments before the key, the key before the profile and the balance.
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "invalid_amount", "applied": false}
select * from credit_purchase.reserve_credits(:owner, -50, :held);
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.reserve_credits(:unknown, 50, :held);
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.reserve_credits(:owner, 5000, :held);

-- @call settle_credits
-- @expect refused settle_credits={"reason": "missing_user_id", "applied": false}
select * from credit_purchase.settle_credits(null, null, null, null);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "invalid_amount", "applied": false}
select * from credit_purchase.settle_credits(:unknown, null, null, null);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "invalid_amount", "applied": false}
select * from credit_purchase.settle_credits(:unknown, 0, null, null);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "invalid_amount", "applied": false}
select * from credit_purchase.settle_credits(:owner, -50, :key, :held);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "missing_idempotency_key", "applied": false}
select * from credit_purchase.settle_credits(:unknown, 50, null, null);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "missing_reservation_key", "applied": false}
select * from credit_purchase.settle_credits(:unknown, 50, :held, null);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.settle_credits(:unknown, 50, :held, :unknown);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "reservation_not_found", "applied": false}
select * from credit_purchase.settle_credits(:owner, 5000, :key, :unknown);

-- @call refund_credits
-- @expect refused refund_credits={"reason": "missing_user_id", "applied": false}
select * from credit_purchase.refund_credits(null, null, null, null);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "invalid_amount", "applied": false}
select * from credit_purchase.refund_credits(:unknown, null, null, null);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "invalid_amount", "applied": false}
select * from credit_purchase.refund_credits(:unknown, 0, null, null);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "invalid_amount", "applied": false}
select * from credit_purchase.refund_credits(:owner, -50, :key, :held);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "missing_idempotency_key", "applied": false}
select * from credit_purchase.refund_credits(:unknown, 50, null, null);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "missing_reservation_key", "applied": false}
select * from credit_purchase.refund_credits(:unknown, 50, :held, null);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.refund_credits(:unknown, 50, :held, :unknown);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "reservation_not_found", "applied": false}
select * from credit_purchase.refund_credits(:owner, 5000, :key, :unknown);

-- @check Only the purchase and the reservation were written down
select
    profile.credit_balance = 50,
    reservation.settled = 0 and reservation.returned = 0,
    (
        select count(*) = 2
        from credit_purchase.credit_operations as operation
        where operation.user_id in (:owner, :unknown)
    )
from credit_purchase.user_profiles as profile
inner join credit_purchase.credit_reservations as reservation on profile.id = reservation.user_id
where profile.id = :owner;
