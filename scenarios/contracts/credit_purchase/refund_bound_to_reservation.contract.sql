-- title:    What is given back was reserved by the same user and is still held
-- property: replay, ledger
-- detects:  refund_unbound, not_idempotent, key_reused_for_other_arguments, row_count_ignored
--
-- A refund names its reservation and can't give back more than that still holds; what was settled is
-- spent. Otherwise refunds would be a way to make credits.

-- @values owner uuid, other uuid, paid_key uuid, held uuid, others_held uuid, unknown uuid, part uuid, used uuid
-- @values rest uuid, more uuid, full_key uuid, paid text, others_key uuid, others_paid text, full_paid text
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

-- @call refund_credits
-- @expect refused refund_credits={"reason": "reservation_not_found", "applied": false}
select * from credit_purchase.refund_credits(:owner, 10, :part, :unknown);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "reservation_not_found", "applied": false}
select * from credit_purchase.refund_credits(:owner, 10, :part, :others_held);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "reservation_not_found", "applied": false}
select * from credit_purchase.refund_credits(:unknown, 10, :part, :held);
-- A purchase is no reservation, though its key is one of this user's.
-- @call refund_credits
-- @expect refused refund_credits={"reason": "reservation_not_found", "applied": false}
select * from credit_purchase.refund_credits(:owner, 10, :part, :paid_key);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "reservation_exceeded", "applied": false}
select * from credit_purchase.refund_credits(:owner, 101, :part, :held);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "reservation_exceeded", "applied": false}
select * from credit_purchase.refund_credits(:owner, 2147483647, :part, :held);

-- @call refund_credits
-- @expect ok refund_credits={"reason": "applied", "applied": true}
select * from credit_purchase.refund_credits(:owner, 30, :part, :held);
-- @call refund_credits
-- @expect ok refund_credits={"reason": "idempotency_key_already_processed", "applied": false}
select * from credit_purchase.refund_credits(:owner, 30, :part, :held);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.refund_credits(:owner, 31, :part, :held);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.refund_credits(:other, 30, :part, :others_held);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.refund_credits(:owner, 30, :part, :others_held);

-- @check The refund is one entry, which names the reservation
select
    profile.credit_balance = 30,
    reservation.settled = 0 and reservation.returned = 30,
    entry.kind = 'refund' and entry.amount = 30 and entry.reference = reservation.reservation_key::text,
    entry.balance_before = 0 and entry.balance_after = 30
from credit_purchase.user_profiles as profile
inner join credit_purchase.credit_reservations as reservation on profile.id = reservation.user_id
inner join credit_purchase.credit_entries as entry on profile.id = entry.user_id
where reservation.reservation_key = :held and entry.request_key = :part;

-- What was settled is spent: of 100, 30 came back and 50 are used, so 20 are left to give.
-- @call settle_credits
-- @expect ok settle_credits={"reason": "applied", "applied": true}
select * from credit_purchase.settle_credits(:owner, 50, :used, :held);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "reservation_exceeded", "applied": false}
select * from credit_purchase.refund_credits(:owner, 21, :rest, :held);

-- A balance that has become full in the meantime takes nothing back, and the reservation keeps it.
-- @call apply_credit_purchase
-- @expect ok
select * from credit_purchase.apply_credit_purchase(:owner, 2147483600, :full_key, :full_paid);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "reservation_exceeded", "applied": false}
select * from credit_purchase.refund_credits(:owner, 21, :rest, :held);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "balance_overflow", "applied": false}
select * from credit_purchase.refund_credits(:owner, 18, :rest, :held);

-- @check Nothing is kept of the refunds that were refused
select
    profile.credit_balance = 2147483630,
    reservation.settled = 50 and reservation.returned = 30,
    (
        select count(*) = 2
        from credit_purchase.credit_operations as operation
        where operation.reservation_key = :held
    )
from credit_purchase.user_profiles as profile
inner join credit_purchase.credit_reservations as reservation on profile.id = reservation.user_id
where reservation.reservation_key = :held;

-- @call refund_credits
-- @expect ok refund_credits={"reason": "applied", "applied": true}
select * from credit_purchase.refund_credits(:owner, 17, :rest, :held);
-- @call settle_credits
-- @expect ok settle_credits={"reason": "applied", "applied": true}
select * from credit_purchase.settle_credits(:owner, 3, :more, :held);

-- @check The reservation is used up, and the other one was not touched
select
    profile.credit_balance = 2147483647,
    reservation.settled = 53 and reservation.returned = 47,
    (
        select others.settled = 0 and others.returned = 0
        from credit_purchase.credit_reservations as others
        where others.reservation_key = :others_held
    )
from credit_purchase.user_profiles as profile
inner join credit_purchase.credit_reservations as reservation on profile.id = reservation.user_id
where reservation.reservation_key = :held;
