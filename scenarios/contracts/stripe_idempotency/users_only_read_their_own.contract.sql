-- title:    A user reads the user's own wallet, transactions and events, and writes none of them
-- property: access
-- detects:  owner_writes_balance
--
-- The user is the one whom the verified token names. Whoever may update the row that holds their own
-- balance has as much as they like. Keys and stored responses are nobody's to read but the backend's.

-- @values user uuid, other uuid, operation text
-- @setup
insert into stripe_idempotency.users (id) values (:user), (:other);
select stripe_idempotency.claim_stripe_idempotency('payout:create', :operation, 'sha-1', 60, :user);

-- @call apply_wallet_transaction
-- @expect ok
select * from stripe_idempotency.apply_wallet_transaction(:user, 'credit', 100, 'opening balance');
-- @call apply_wallet_transaction
-- @expect ok
select * from stripe_idempotency.apply_wallet_transaction(:other, 'credit', 200, 'opening balance');
-- @call create_event
-- @expect ok
select stripe_idempotency.create_event(:user, 'Concert', '2030-05-01 20:00Z');
-- @call create_event
-- @expect ok
select stripe_idempotency.create_event(:other, 'Festival', '2030-05-01 20:00Z');

-- @as authenticated
-- A token without a user sees nothing.
-- @expect ok
select set_config('request.jwt.claims', '', false);
-- @expect ok wallets=0, transactions=0, events=0
select
    (select count(*) from stripe_idempotency.wallets) as wallets,
    (select count(*) from stripe_idempotency.wallet_transactions) as transactions,
    (select count(*) from stripe_idempotency.events) as events;

-- @expect ok
select set_config('request.jwt.claims', jsonb_build_object('sub', :user)::text, false);
-- @expect ok wallets=1, balance=100
select
    count(*) as wallets,
    sum(wallet.balance) as balance
from stripe_idempotency.wallets as wallet;
-- @expect ok transactions=1, amount=100
select
    count(*) as transactions,
    sum(entry.amount) as amount
from stripe_idempotency.wallet_transactions as entry;
-- @expect ok events=1, own=true
select
    count(*) as events,
    bool_and(event.title = 'Concert') as own
from stripe_idempotency.events as event;

-- @expect error 42501 permission denied for table wallets
update stripe_idempotency.wallets set balance = 1000000 where user_id = :user;
-- @expect error 42501 permission denied for table wallets
insert into stripe_idempotency.wallets (user_id, balance) values (:other, 1000000);
-- @expect error 42501 permission denied for table wallets
delete from stripe_idempotency.wallets where user_id = :user;
-- @expect error 42501 permission denied for table wallet_transactions
delete from stripe_idempotency.wallet_transactions where user_id = :user;
-- @expect error 42501 permission denied for table events
update stripe_idempotency.events set title = 'mine';
-- @expect error 42501 permission denied for table stripe_idempotency_keys
select count(*) from stripe_idempotency.stripe_idempotency_keys;
-- @expect error 42501 permission denied for table idempotency_keys
select count(*) from stripe_idempotency.idempotency_keys;
-- @expect error 42501 permission denied for table stripe_webhook_events
select count(*) from stripe_idempotency.stripe_webhook_events;
-- @expect error 42501 permission denied for table users
select count(*) from stripe_idempotency.users;
-- @expect ok
select set_config('request.jwt.claims', '', false);

-- @as anon
-- @expect error 42501 permission denied for schema stripe_idempotency
select count(*) from stripe_idempotency.wallets;

-- @check Both balances are as they were
select
    count(*) = 2,
    bool_and(wallet.balance = case wallet.user_id when :user then 100 else 200 end)
from stripe_idempotency.wallets as wallet
where wallet.user_id in (:user, :other);
