-- title:    Two payments arrive at once under one key
-- property: serial, replay
-- detects:  key_reused_for_other_arguments, check_before_lock
-- expect:   exactly 1 ok in apply_credit_purchase
-- expect:   exactly 1 refused in apply_credit_purchase
--
-- A client that draws its keys badly sends two payments under one. Only one can be credited. The other must hear
-- that its key is taken, and not that it was processed: its buyer would have paid for nothing and nobody
-- would look again.

-- @values buyer_a uuid, buyer_b uuid, key uuid, session_a text, session_b text

-- @setup
insert into credit_purchase.user_profiles (id) values (:buyer_a), (:buyer_b);

-- @session payment_a
-- @call apply_credit_purchase
select * from credit_purchase.apply_credit_purchase(:buyer_a, 100, :key, :session_a);

-- @session payment_b
-- @call apply_credit_purchase
select * from credit_purchase.apply_credit_purchase(:buyer_b, 50, :key, :session_b);
