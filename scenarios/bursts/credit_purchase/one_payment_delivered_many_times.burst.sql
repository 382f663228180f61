-- title:    Each of five payments is delivered ten times at the same instant, and credited once
-- property: replay, ledger
-- detects:  not_idempotent, insert_where_not_exists, replay_fails_raw
-- callers:  50
-- spread:   5
-- expect:   all ok
--
-- A webhook that is delivered again and again while the first delivery is still at work. Every delivery is told that
-- the payment is credited; the user has paid once.

-- @entity buyer uuid, payment_key uuid, paid text
insert into credit_purchase.user_profiles (id) values (:buyer);

-- @call apply_credit_purchase
select * from credit_purchase.apply_credit_purchase(:buyer, 50, :payment_key, :paid);

-- @check Each user has what was paid
select profile.credit_balance = 50
from credit_purchase.user_profiles as profile
where profile.id = :buyer;
