-- title:    An event is processed once, and one whose handler died is processed after all
-- property: replay, input, state
-- detects:  webhook_marked_before_effect, not_idempotent, key_reused_for_other_arguments, row_count_ignored
--
-- Stripe delivers an event until it hears that it arrived, sometimes twice at once. Marked as
-- processed when it comes in, an event is lost with the first handler that dies. So receiving it
-- gives a lease, and only the end of the work marks it.

-- @values event text, idle text, unknown text
-- @call begin_stripe_webhook_event
-- @expect refused P0001 Invalid event id: <NULL>
select * from stripe_idempotency.begin_stripe_webhook_event(null, null, 0);
-- @call begin_stripe_webhook_event
-- @expect refused P0001 Invalid event id: *
select * from stripe_idempotency.begin_stripe_webhook_event('', 'charge.refunded');
-- @call begin_stripe_webhook_event
-- @expect refused P0001 Invalid event type: <NULL>
select * from stripe_idempotency.begin_stripe_webhook_event(:event, null, 0);
-- @call begin_stripe_webhook_event
-- @expect refused P0001 Invalid lease: 0
select * from stripe_idempotency.begin_stripe_webhook_event(:event, 'charge.refunded', 0);
-- @call begin_stripe_webhook_event
-- @expect refused P0001 Invalid lease: <NULL>
select * from stripe_idempotency.begin_stripe_webhook_event(:event, 'charge.refunded', null);
-- @call begin_stripe_webhook_event
-- @expect refused P0001 Invalid lease: 3601
select * from stripe_idempotency.begin_stripe_webhook_event(:event, 'charge.refunded', 3601);
-- @call finish_stripe_webhook_event
-- @expect refused P0001 Event not found: event-*
select * from stripe_idempotency.finish_stripe_webhook_event(:event, 1, 'mail-1');
-- @call finish_stripe_webhook_event
-- @expect refused P0001 Event not found: <NULL>
select * from stripe_idempotency.finish_stripe_webhook_event(null, 1, 'mail-1');

-- @call begin_stripe_webhook_event
-- @expect ok outcome=claimed, effect=null, attempt=1, lease_to_come=true
select
    claim.outcome,
    claim.effect,
    claim.attempt,
    claim.lease_expires_at > clock_timestamp() + interval '50 seconds' as lease_to_come
from stripe_idempotency.begin_stripe_webhook_event(:event, 'charge.refunded') as claim;
-- @call begin_stripe_webhook_event
-- @expect refused outcome=in_progress, effect=null, attempt=null, lease_expires_at=2*
select * from stripe_idempotency.begin_stripe_webhook_event(:event, 'charge.refunded');
-- @call begin_stripe_webhook_event
-- @expect refused P0001 Event was delivered with other content: event-*
select * from stripe_idempotency.begin_stripe_webhook_event(:event, 'charge.succeeded');

-- The handler dies. The next delivery takes over, and the dead one's last word doesn't count.
-- @setup
update stripe_idempotency.stripe_webhook_events
set lease_expires_at = clock_timestamp() - interval '1 second'
where event_id = :event;
-- @call begin_stripe_webhook_event
-- @expect ok outcome=claimed, effect=null, attempt=2, lease_expires_at=2*
select * from stripe_idempotency.begin_stripe_webhook_event(:event, 'charge.refunded', 3600);
-- @call finish_stripe_webhook_event
-- @expect refused P0001 Lease was lost. Given attempt: 1, Current: 2
select * from stripe_idempotency.finish_stripe_webhook_event(:event, 1, 'mail-1');
-- @call finish_stripe_webhook_event
-- @expect refused P0001 Lease was lost. Given attempt: <NULL>, Current: 2
select * from stripe_idempotency.finish_stripe_webhook_event(:event, null, 'mail-1');
-- @call finish_stripe_webhook_event
-- @expect refused P0001 Invalid effect: two words
select * from stripe_idempotency.finish_stripe_webhook_event(:unknown, 2, 'two words');
-- @call finish_stripe_webhook_event
-- @expect refused P0001 Invalid effect: *
select * from stripe_idempotency.finish_stripe_webhook_event(:event, 2, '');

-- @call finish_stripe_webhook_event
-- @expect ok already_processed=false
select * from stripe_idempotency.finish_stripe_webhook_event(:event, 2, 'mail-2');
-- @call finish_stripe_webhook_event
-- @expect ok already_processed=true
select * from stripe_idempotency.finish_stripe_webhook_event(:event, 2, 'mail-2');
-- @call finish_stripe_webhook_event
-- @expect refused P0001 Event is processed with another effect: event-*
select * from stripe_idempotency.finish_stripe_webhook_event(:event, 2, 'mail-3');
-- @call finish_stripe_webhook_event
-- @expect refused P0001 Event is processed with another effect: event-*
select * from stripe_idempotency.finish_stripe_webhook_event(:event, 2, null);
-- @call finish_stripe_webhook_event
-- @expect refused P0001 Lease was lost. Given attempt: 1, Current: 2
select * from stripe_idempotency.finish_stripe_webhook_event(:event, 1, 'mail-1');
-- @call begin_stripe_webhook_event
-- @expect ok outcome=processed, effect=mail-2, attempt=null, lease_expires_at=null
select * from stripe_idempotency.begin_stripe_webhook_event(:event, 'charge.refunded');

-- An event may ask for nothing.
-- @call begin_stripe_webhook_event
-- @expect ok outcome=claimed, *
select * from stripe_idempotency.begin_stripe_webhook_event(:idle, 'ping');
-- @call finish_stripe_webhook_event
-- @expect ok already_processed=false
select * from stripe_idempotency.finish_stripe_webhook_event(:idle, 1);
-- @call begin_stripe_webhook_event
-- @expect ok outcome=processed, effect=null, attempt=null, lease_expires_at=null
select * from stripe_idempotency.begin_stripe_webhook_event(:idle, 'ping');

-- @check Both are processed
select
    count(*) = 2,
    bool_and(event.status = 'processed' and event.processed_at is not null)
from stripe_idempotency.stripe_webhook_events as event
where event.event_id in (:event, :idle, :unknown);
