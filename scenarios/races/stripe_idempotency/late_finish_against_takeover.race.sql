-- title:    A late handler finishes an event while the next delivery takes it over
-- property: serial, state
-- detects:  check_before_lock, status_acted_on_twice
-- expect:   exactly 1 ok in begin_stripe_webhook_event
-- expect:   exactly 0 error
--
-- Either the event is processed when the next delivery comes, or the next delivery has it and the late handler is
-- refused, which takes its effect back. If both go through, the event has had its effect twice.

-- @values event text

-- @setup
insert into stripe_idempotency.stripe_webhook_events (event_id, event_type, attempt, lease_expires_at)
values (:event, 'charge.refunded', 1, clock_timestamp() - interval '1 second');

-- @session late_handler
-- @call finish_stripe_webhook_event
select * from stripe_idempotency.finish_stripe_webhook_event(:event, 1, 'mail-1');

-- @session next_delivery
-- @call begin_stripe_webhook_event
select * from stripe_idempotency.begin_stripe_webhook_event(:event, 'charge.refunded');
