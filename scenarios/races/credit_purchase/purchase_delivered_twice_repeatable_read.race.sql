-- title:     One payment is announced twice at once, under one key, at repeatable read
-- property:  serial, replay
-- detects:   check_before_lock, exception_swallowed, raw_unique_violation
-- isolation: repeatable read
-- expect:    exactly 0 error
--
-- At this isolation level a transaction sees the data as it was when it began, even after it has waited for
-- another one. It can't read which payment its key belongs to, so it can't name a reason. It has to end with
-- "try again" (40001); the next attempt then sees everything.

-- @values buyer uuid, key uuid, stripe_session text

-- @setup
insert into credit_purchase.user_profiles (id) values (:buyer);

-- @session first_delivery
-- @call apply_credit_purchase
select * from credit_purchase.apply_credit_purchase(:buyer, 100, :key, :stripe_session);

-- @session second_delivery
-- @call apply_credit_purchase
select * from credit_purchase.apply_credit_purchase(:buyer, 100, :key, :stripe_session);
