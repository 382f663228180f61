-- title:    Two endpoints receive one payment event: one credits it, the other begins to handle it
-- property: serial, replay, state
-- detects:  check_then_act, check_before_lock, state_not_rechecked
-- expect:   exactly 0 error
--
-- An old endpoint still listens beside the new one. An event is processed in one of the two ways. Whoever comes second
-- hears so: the handler that it is processed, the credit that the event is no payment any more.

-- @values user uuid, event text

-- @setup
insert into stripe_idempotency.users (id) values (:user);

-- @session credit
-- @call apply_stripe_wallet_event
select * from stripe_idempotency.apply_stripe_wallet_event(:event, 'payment_intent.succeeded', :user, 100);

-- @session handler
-- @call begin_stripe_webhook_event
select * from stripe_idempotency.begin_stripe_webhook_event(:event, 'payment_intent.succeeded');
