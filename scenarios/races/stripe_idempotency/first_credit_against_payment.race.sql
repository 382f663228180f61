-- title:    A new wallet gets a gift and a payment at once
-- property: serial, ledger
-- detects:  first_touch_race, read_modify_write, stale_balance_in_entry
-- expect:   exactly 0 error
-- expect:   exactly 1 ok in apply_wallet_transaction
-- expect:   exactly 1 ok in apply_stripe_wallet_event
--
-- The user has no wallet yet; the first movement opens it. If both find none, both insert one: the second fails with a
-- raw unique violation, or overwrites what the first has put in. Both must arrive.

-- @values user uuid, event text

-- @setup
insert into stripe_idempotency.users (id) values (:user);

-- @session gift
-- @call apply_wallet_transaction
select * from stripe_idempotency.apply_wallet_transaction(:user, 'credit', 30, 'welcome gift');

-- @session payment
-- @call apply_stripe_wallet_event
select * from stripe_idempotency.apply_stripe_wallet_event(:event, 'payment_intent.succeeded', :user, 100);
