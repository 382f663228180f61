-- title:    A payment event is credited and marked in one go, once, to the user and in the amount it names
-- property: replay, ledger, input
-- detects:  not_idempotent, key_reused_for_other_arguments, exception_swallowed, effect_before_claim,
--           webhook_marked_before_effect
--
-- Credit and mark stand or fall together: an event that can't be credited isn't marked, and comes
-- again. Delivered again it answers with the first one's transaction and balance.

-- @values user uuid, other uuid, unknown uuid, event text, handled text, large text
-- @setup
insert into stripe_idempotency.users (id) values (:user), (:other);

-- @call apply_stripe_wallet_event
-- @expect refused P0001 Invalid event id: <NULL>
select * from stripe_idempotency.apply_stripe_wallet_event(null, null, null, null);
-- @call apply_stripe_wallet_event
-- @expect refused P0001 Invalid event type: <NULL>
select * from stripe_idempotency.apply_stripe_wallet_event(:event, null, null, null);
-- @call apply_stripe_wallet_event
-- @expect refused P0001 Invalid amount: <NULL>
select * from stripe_idempotency.apply_stripe_wallet_event(:event, 'payment_intent.succeeded', :unknown, null);
-- @call apply_stripe_wallet_event
-- @expect refused P0001 Invalid amount: 0
select * from stripe_idempotency.apply_stripe_wallet_event(:event, 'payment_intent.succeeded', :user, 0);
-- @call apply_stripe_wallet_event
-- @expect refused P0001 Invalid amount: -50
select * from stripe_idempotency.apply_stripe_wallet_event(:event, 'payment_intent.succeeded', :user, -50);
-- @call apply_stripe_wallet_event
-- @expect refused P0001 User not found: *-*
select * from stripe_idempotency.apply_stripe_wallet_event(:event, 'payment_intent.succeeded', :unknown, 100);
-- @call apply_stripe_wallet_event
-- @expect refused P0001 User not found: <NULL>
select * from stripe_idempotency.apply_stripe_wallet_event(:event, 'payment_intent.succeeded', null, 100);

-- @call apply_stripe_wallet_event
-- @expect ok transaction_id=*, new_balance=100, already_processed=false
select * from stripe_idempotency.apply_stripe_wallet_event(:event, 'payment_intent.succeeded', :user, 100);

-- @check The wallet was opened by this payment; the event names what it did
select
    wallet.balance = 100,
    entry.kind = 'payment' and entry.reference = :event,
    entry.balance_before = 0 and entry.amount = 100 and entry.balance_after = 100,
    event.status = 'processed' and event.effect = entry.id::text and event.processed_at is not null
from stripe_idempotency.wallets as wallet
inner join stripe_idempotency.wallet_transactions as entry on wallet.user_id = entry.user_id
inner join stripe_idempotency.stripe_webhook_events as event on entry.stripe_event_id = event.event_id
where wallet.user_id = :user;

-- @call apply_wallet_transaction
-- @expect ok transaction_id=*, new_balance=70, already_applied=false
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', 30, 'ticket');
-- @call apply_stripe_wallet_event
-- @expect ok same=true, new_balance=100, already_processed=true
select
    applied.transaction_id = entry.id as same,
    applied.new_balance,
    applied.already_processed
from stripe_idempotency.wallet_transactions as entry
cross join lateral stripe_idempotency.apply_stripe_wallet_event(
    entry.stripe_event_id, 'payment_intent.succeeded', :user, 100
) as applied
where entry.stripe_event_id = :event;

-- @call apply_stripe_wallet_event
-- @expect refused P0001 Event was delivered with other content: event-*
select * from stripe_idempotency.apply_stripe_wallet_event(:event, 'payment_intent.succeeded', :user, 200);
-- @call apply_stripe_wallet_event
-- @expect refused P0001 Event was delivered with other content: event-*
select * from stripe_idempotency.apply_stripe_wallet_event(:event, 'payment_intent.succeeded', :other, 100);
-- @call apply_stripe_wallet_event
-- @expect refused P0001 Event was delivered with other content: event-*
select * from stripe_idempotency.apply_stripe_wallet_event(:event, 'charge.succeeded', :user, 100);

-- Step by step it is processed already.
-- @call begin_stripe_webhook_event
-- @expect ok outcome=processed, effect=*-*, attempt=null, lease_expires_at=null
select * from stripe_idempotency.begin_stripe_webhook_event(:event, 'payment_intent.succeeded');
-- @call finish_stripe_webhook_event
-- @expect refused P0001 Event is processed with another effect: event-*
select * from stripe_idempotency.finish_stripe_webhook_event(:event, 0, 'mail-1');

-- And what is processed step by step isn't credited besides.
-- @call begin_stripe_webhook_event
-- @expect ok outcome=claimed, *
select * from stripe_idempotency.begin_stripe_webhook_event(:handled, 'payment_intent.succeeded');
-- @call apply_stripe_wallet_event
-- @expect refused P0001 Event was delivered with other content: handled-*
select * from stripe_idempotency.apply_stripe_wallet_event(:handled, 'payment_intent.succeeded', :user, 100);
-- @call finish_stripe_webhook_event
-- @expect ok already_processed=false
select * from stripe_idempotency.finish_stripe_webhook_event(:handled, 1, 'mail-1');
-- @call apply_stripe_wallet_event
-- @expect refused P0001 Event was delivered with other content: handled-*
select * from stripe_idempotency.apply_stripe_wallet_event(:handled, 'payment_intent.succeeded', :user, 100);

-- What can't be credited isn't marked, and comes again.
-- @call apply_stripe_wallet_event
-- @expect refused P0001 Balance would be too large: 2147483717
select * from stripe_idempotency.apply_stripe_wallet_event(:large, 'payment_intent.succeeded', :user, 2147483647);

-- @check Refusals and repeats moved nothing, and no trace is left of the one that was too large
select
    wallet.balance = 70,
    (
        select count(*) = 2
        from stripe_idempotency.wallet_transactions as entry
        where entry.user_id = wallet.user_id
    ),
    not exists (select 1 from stripe_idempotency.wallets as others where others.user_id = :other),
    not exists (select 1 from stripe_idempotency.stripe_webhook_events as event where event.event_id = :large)
from stripe_idempotency.wallets as wallet
where wallet.user_id = :user;
