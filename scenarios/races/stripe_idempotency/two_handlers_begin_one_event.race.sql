-- title:    Two handlers begin one event at once
-- property: serial, replay
-- detects:  check_then_act, insert_where_not_exists, raw_unique_violation
-- expect:   exactly 1 ok in begin_stripe_webhook_event
-- expect:   exactly 1 refused in begin_stripe_webhook_event
--
-- What the event asks for is done outside of these tables: a mail, an order. Only one handler may do it.

-- @values event text

-- @session first_handler
-- @call begin_stripe_webhook_event
select * from stripe_idempotency.begin_stripe_webhook_event(:event, 'charge.refunded');

-- @session second_handler
-- @call begin_stripe_webhook_event
select * from stripe_idempotency.begin_stripe_webhook_event(:event, 'charge.refunded');
