-- title:    Each of five events from Stripe is delivered ten times at the same instant, and credited once
-- property: replay, ledger
-- detects:  insert_where_not_exists, not_idempotent, replay_fails_raw
-- callers:  50
-- spread:   5
-- expect:   all ok
--
-- A webhook storm: Stripe sends an event again for as long as nobody answers, and everybody answers now.

-- @entity user uuid, event text
insert into stripe_idempotency.users (id) values (:user);

-- @call apply_stripe_wallet_event
select * from stripe_idempotency.apply_stripe_wallet_event(:event, 'checkout.session.completed', :user, 20);

-- @check Each event has credited its wallet once
select sum(posted.amount) = 20
from stripe_idempotency.wallet_transactions as posted
where posted.user_id = :user;
