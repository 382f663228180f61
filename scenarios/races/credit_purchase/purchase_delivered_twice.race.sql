-- title:    One payment is announced twice at once, under one key
-- property: serial, replay, ledger
-- detects:  check_before_lock, insert_where_not_exists, raw_unique_violation, effect_before_claim, not_idempotent
-- expect:   exactly 2 ok in apply_credit_purchase
--
-- Stripe delivers an event again while the first delivery is still being handled. A delivery that only looks
-- whether the key is there sees nothing of one that has not committed yet, and credits the payment again. The
-- second must wait, change nothing, and say that the key was processed.

-- @values buyer uuid, key uuid, stripe_session text

-- @setup
insert into credit_purchase.user_profiles (id) values (:buyer);

-- @session first_delivery
-- @call apply_credit_purchase
select * from credit_purchase.apply_credit_purchase(:buyer, 100, :key, :stripe_session);

-- @session second_delivery
-- @call apply_credit_purchase
select * from credit_purchase.apply_credit_purchase(:buyer, 100, :key, :stripe_session);
