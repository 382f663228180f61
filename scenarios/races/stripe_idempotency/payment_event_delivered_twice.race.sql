-- title:    One payment event is delivered twice at once
-- property: serial, replay, ledger
-- detects:  check_before_lock, effect_before_claim, raw_unique_violation, unique_missing_on_key
-- expect:   exactly 2 ok in apply_stripe_wallet_event
--
-- Stripe sends an event again when an answer takes long. Both deliveries find it new unless one of them claims it
-- first. The payment is credited once, and both deliveries hear so.

-- @values user uuid, event text

-- @setup
insert into stripe_idempotency.users (id) values (:user);
select * from stripe_idempotency.apply_wallet_transaction(:user, 'credit', 40, 'opening balance');

-- @session first_delivery
-- @call apply_stripe_wallet_event
select * from stripe_idempotency.apply_stripe_wallet_event(:event, 'payment_intent.succeeded', :user, 100);

-- @session second_delivery
-- @call apply_stripe_wallet_event
select * from stripe_idempotency.apply_stripe_wallet_event(:event, 'payment_intent.succeeded', :user, 100);
