-- title:    A reservation takes its credits out of the balance once, and only if they are there
-- property: replay, ledger
-- detects:  not_idempotent, key_reused_for_other_arguments, unguarded_debit, clamped_at_zero
--
-- What is reserved can't be spent again. All that there is may be reserved; one credit more is refused,
-- takes nothing and leaves the key free for the day on which there are enough.

-- @values owner uuid, poor uuid, paid_key uuid, key uuid, second_key uuid, third_key uuid, top_key uuid, paid text
-- @values top text
-- @setup
insert into credit_purchase.user_profiles (id) values (:owner), (:poor);

-- @call apply_credit_purchase
-- @expect ok
select * from credit_purchase.apply_credit_purchase(:owner, 100, :paid_key, :paid);

-- @call reserve_credits
-- @expect ok reserve_credits={"reason": "applied", "applied": true}
select * from credit_purchase.reserve_credits(:owner, 40, :key);
-- @call reserve_credits
-- @expect ok reserve_credits={"reason": "idempotency_key_already_processed", "applied": false}
select * from credit_purchase.reserve_credits(:owner, 40, :key);
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.reserve_credits(:owner, 41, :key);
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.reserve_credits(:poor, 40, :key);

-- @check The credits are held: they have left the balance once, and the reservation has them
select
    profile.credit_balance = 60,
    reservation.amount = 40 and reservation.settled = 0 and reservation.returned = 0,
    entry.kind = 'reserve' and entry.amount = -40 and entry.reference = reservation.reservation_key::text,
    entry.balance_before = 100 and entry.balance_after = 60
from credit_purchase.user_profiles as profile
inner join credit_purchase.credit_reservations as reservation on profile.id = reservation.user_id
inner join credit_purchase.credit_entries as entry on reservation.reservation_key = entry.request_key
where reservation.reservation_key = :key;

-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "insufficient_credits", "applied": false}
select * from credit_purchase.reserve_credits(:owner, 61, :second_key);
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "insufficient_credits", "applied": false}
select * from credit_purchase.reserve_credits(:owner, 2147483647, :second_key);
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "insufficient_credits", "applied": false}
select * from credit_purchase.reserve_credits(:poor, 1, :second_key);

-- @check Nothing is kept of a reservation that was refused
select
    count(*) = 2,
    sum(profile.credit_balance) = 60,
    (
        select count(*) = 0
        from credit_purchase.credit_operations as operation
        where operation.idempotency_key = :second_key
    ),
    (
        select count(*) = 0
        from credit_purchase.credit_reservations as reservation
        where reservation.reservation_key = :second_key
    )
from credit_purchase.user_profiles as profile
where profile.id in (:owner, :poor);

-- All that is left, and then the key that was refused.
-- @call reserve_credits
-- @expect ok reserve_credits={"reason": "applied", "applied": true}
select * from credit_purchase.reserve_credits(:owner, 60, :third_key);
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "insufficient_credits", "applied": false}
select * from credit_purchase.reserve_credits(:owner, 1, :second_key);
-- @call apply_credit_purchase
-- @expect ok
select * from credit_purchase.apply_credit_purchase(:owner, 5, :top_key, :top);
-- @call reserve_credits
-- @expect ok reserve_credits={"reason": "applied", "applied": true}
select * from credit_purchase.reserve_credits(:owner, 1, :second_key);

-- @check Every credit is in the balance or held
select
    profile.credit_balance = 4,
    (
        select count(*) = 3 and sum(reservation.amount) = 101
        from credit_purchase.credit_reservations as reservation
        where reservation.user_id = :owner
    )
from credit_purchase.user_profiles as profile
where profile.id = :owner;
