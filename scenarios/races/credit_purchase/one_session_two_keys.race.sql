-- title:    One payment is announced at once under two keys
-- property: serial, replay, ledger
-- detects:  check_then_act, insert_where_not_exists, raw_unique_violation, unique_missing_on_key
-- expect:   exactly 1 ok in apply_credit_purchase
-- expect:   exactly 1 refused in apply_credit_purchase
--
-- The webhook and the page that the buyer returns to both report the payment, each under a key of its own. Only the
-- Stripe session says that it is one. Whoever comes second must hear that the session was processed, also
-- where it looked before the first had finished.

-- @values buyer uuid, webhook_key uuid, page_key uuid, stripe_session text

-- @setup
insert into credit_purchase.user_profiles (id) values (:buyer);

-- @session webhook
-- @call apply_credit_purchase
select * from credit_purchase.apply_credit_purchase(:buyer, 100, :webhook_key, :stripe_session);

-- @session return_page
-- @call apply_credit_purchase
select * from credit_purchase.apply_credit_purchase(:buyer, 100, :page_key, :stripe_session);
