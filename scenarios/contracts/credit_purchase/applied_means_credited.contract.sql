-- title:    A purchase is applied only if the balance has grown, and otherwise nothing of it is kept
-- property: state, replay
-- detects:  row_count_ignored, exception_swallowed, clamped_at_zero
--
-- An update that hits no row is no error, and a balance can be full. Then the operation goes as well: its
-- key and its session are free, and the same call is carried out once it can be.

-- @values buyer uuid, late uuid, key uuid, late_key uuid, full_key uuid, paid text, paid_late text, paid_full text
-- @setup
insert into credit_purchase.user_profiles (id) values (:buyer);

-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "user_profile_not_found", "applied": false}
select * from credit_purchase.apply_credit_purchase(:late, 30, :late_key, :paid_late);

-- @check Nothing is kept of a purchase for nobody
select
    count(*) = 0,
    (select count(*) = 0 from credit_purchase.credit_entries as entry where entry.request_key = :late_key)
from credit_purchase.credit_operations as operation
where operation.idempotency_key = :late_key or operation.stripe_session_id = :paid_late;

-- The largest balance there can be is no overflow.
-- @call apply_credit_purchase
-- @expect ok apply_credit_purchase={"reason": "applied", "applied": true}
select * from credit_purchase.apply_credit_purchase(:buyer, 2147483647, :key, :paid);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "balance_overflow", "applied": false}
select * from credit_purchase.apply_credit_purchase(:buyer, 1, :full_key, :paid_full);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "balance_overflow", "applied": false}
select * from credit_purchase.apply_credit_purchase(:buyer, 2147483647, :full_key, :paid_full);

-- @check Nothing is kept of a purchase that did not fit
select
    profile.credit_balance = 2147483647,
    (
        select count(*) = 1 and bool_and(operation.idempotency_key = :key)
        from credit_purchase.credit_operations as operation
        where operation.user_id = :buyer
    ),
    (
        select count(*) = 1 and bool_and(entry.request_key = :key)
        from credit_purchase.credit_entries as entry
        where entry.user_id = :buyer
    )
from credit_purchase.user_profiles as profile
where profile.id = :buyer;

-- Under a key that was refused for one thing, another may be asked.
-- @call reserve_credits
-- @expect ok reserve_credits={"reason": "applied", "applied": true}
select * from credit_purchase.reserve_credits(:buyer, 7, :late_key);
-- @call apply_credit_purchase
-- @expect ok apply_credit_purchase={"reason": "applied", "applied": true}
select * from credit_purchase.apply_credit_purchase(:buyer, 7, :full_key, :paid_full);

-- @check The balance is full again, and every credit in it has its entry
select
    profile.credit_balance = 2147483647,
    (
        select count(*) = 3 and sum(entry.amount) = 2147483647
        from credit_purchase.credit_entries as entry
        where entry.user_id = :buyer
    )
from credit_purchase.user_profiles as profile
where profile.id = :buyer;
