-- title:    What is settled was reserved by the same user and is still held
-- property: replay, state
-- detects:  refund_unbound, not_idempotent, key_reused_for_other_arguments
--
-- A reservation may be settled in parts. The parts, and what was given back, never come to more than was
-- reserved. A settlement moves no credit of the balance, since they have left it before, and gives
-- nothing back by itself.

-- @values owner uuid, other uuid, paid_key uuid, held uuid, others_held uuid, unknown uuid, part uuid, back uuid
-- @values rest uuid, more uuid, paid text, others_key uuid, others_paid text
-- @setup
insert into credit_purchase.user_profiles (id) values (:owner), (:other);

-- @call apply_credit_purchase
-- @expect ok
select * from credit_purchase.apply_credit_purchase(:owner, 100, :paid_key, :paid);
-- @call apply_credit_purchase
-- @expect ok
select * from credit_purchase.apply_credit_purchase(:other, 100, :others_key, :others_paid);
-- @call reserve_credits
-- @expect ok
select * from credit_purchase.reserve_credits(:owner, 100, :held);
-- @call reserve_credits
-- @expect ok
select * from credit_purchase.reserve_credits(:other, 100, :others_held);

-- @call settle_credits
-- @expect refused settle_credits={"reason": "reservation_not_found", "applied": false}
select * from credit_purchase.settle_credits(:owner, 10, :part, :unknown);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "reservation_not_found", "applied": false}
select * from credit_purchase.settle_credits(:owner, 10, :part, :others_held);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "reservation_not_found", "applied": false}
select * from credit_purchase.settle_credits(:unknown, 10, :part, :held);
-- A purchase is no reservation, though its key is one of this user's.
-- @call settle_credits
-- @expect refused settle_credits={"reason": "reservation_not_found", "applied": false}
select * from credit_purchase.settle_credits(:owner, 10, :part, :paid_key);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "reservation_exceeded", "applied": false}
select * from credit_purchase.settle_credits(:owner, 101, :part, :held);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "reservation_exceeded", "applied": false}
select * from credit_purchase.settle_credits(:owner, 2147483647, :part, :held);

-- @call settle_credits
-- @expect ok settle_credits={"reason": "applied", "applied": true}
select * from credit_purchase.settle_credits(:owner, 60, :part, :held);
-- @call settle_credits
-- @expect ok settle_credits={"reason": "idempotency_key_already_processed", "applied": false}
select * from credit_purchase.settle_credits(:owner, 60, :part, :held);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.settle_credits(:owner, 40, :part, :held);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.settle_credits(:other, 60, :part, :others_held);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.settle_credits(:owner, 60, :part, :others_held);

-- @check The balance has not moved, and the rest is still held
select
    profile.credit_balance = 0,
    reservation.settled = 60 and reservation.returned = 0,
    (select count(*) = 2 from credit_purchase.credit_entries as entry where entry.user_id = :owner)
from credit_purchase.user_profiles as profile
inner join credit_purchase.credit_reservations as reservation on profile.id = reservation.user_id
where reservation.reservation_key = :held;

-- @call settle_credits
-- @expect refused settle_credits={"reason": "reservation_exceeded", "applied": false}
select * from credit_purchase.settle_credits(:owner, 41, :rest, :held);
-- @call refund_credits
-- @expect ok refund_credits={"reason": "applied", "applied": true}
select * from credit_purchase.refund_credits(:owner, 15, :back, :held);
-- What was given back is no longer held.
-- @call settle_credits
-- @expect refused settle_credits={"reason": "reservation_exceeded", "applied": false}
select * from credit_purchase.settle_credits(:owner, 26, :rest, :held);
-- @call settle_credits
-- @expect ok settle_credits={"reason": "applied", "applied": true}
select * from credit_purchase.settle_credits(:owner, 25, :rest, :held);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "reservation_exceeded", "applied": false}
select * from credit_purchase.settle_credits(:owner, 1, :more, :held);

-- @check The reservation is used up, by operations that add up to it; the other one was not touched
select
    profile.credit_balance = 15,
    reservation.settled = 85 and reservation.returned = 15,
    (
        select count(*) = 3 and sum(operation.amount) = 100
        from credit_purchase.credit_operations as operation
        where operation.reservation_key = :held
    ),
    (
        select others.settled = 0 and others.returned = 0
        from credit_purchase.credit_reservations as others
        where others.reservation_key = :others_held
    )
from credit_purchase.user_profiles as profile
inner join credit_purchase.credit_reservations as reservation on profile.id = reservation.user_id
where reservation.reservation_key = :held;
