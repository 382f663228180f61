-- title:    A movement with an idempotency key is made once
-- property: replay, ledger
-- detects:  not_idempotent, key_reused_for_other_arguments, raw_unique_violation
--
-- The same key again, with the same arguments, moves nothing and answers as the first time. With
-- other arguments it is another movement under a used key, and refused. Without a key every call is
-- a movement of its own, and a refusal uses no key up.

-- @values user uuid, other uuid, key text, debit_key text
-- @setup
insert into stripe_idempotency.users (id) values (:user), (:other);

-- @call apply_wallet_transaction
-- @expect refused P0001 Insufficient balance. Current: 0, Required: 50
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', 50, 'ticket', :debit_key);
-- @call apply_wallet_transaction
-- @expect ok transaction_id=*, new_balance=100, already_applied=false
select * from stripe_idempotency.apply_wallet_transaction(:user, 'credit', 100, 'gift', :key);
-- @call apply_wallet_transaction
-- @expect ok transaction_id=*, new_balance=50, already_applied=false
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', 50, 'ticket', :debit_key);
-- @call apply_wallet_transaction
-- @expect ok transaction_id=*, new_balance=45, already_applied=false
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', 5, 'coffee');
-- @call apply_wallet_transaction
-- @expect ok transaction_id=*, new_balance=40, already_applied=false
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', 5, 'coffee', null);

-- @call apply_wallet_transaction
-- @expect ok same=true, new_balance=100, already_applied=true
select
    applied.transaction_id = entry.id as same,
    applied.new_balance,
    applied.already_applied
from stripe_idempotency.wallet_transactions as entry
cross join lateral stripe_idempotency.apply_wallet_transaction(
    entry.user_id, 'credit', 100, 'gift', entry.idempotency_key
) as applied
where entry.idempotency_key = :key;
-- A repeat is one even where its amount isn't there any more.
-- @call apply_wallet_transaction
-- @expect ok transaction_id=*, new_balance=50, already_applied=true
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', 50, 'ticket', :debit_key);

-- @call apply_wallet_transaction
-- @expect refused P0001 Idempotency key was used with other arguments: key-*
select * from stripe_idempotency.apply_wallet_transaction(:user, 'credit', 101, 'gift', :key);
-- @call apply_wallet_transaction
-- @expect refused P0001 Idempotency key was used with other arguments: key-*
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', 100, 'gift', :key);
-- @call apply_wallet_transaction
-- @expect refused P0001 Idempotency key was used with other arguments: key-*
select * from stripe_idempotency.apply_wallet_transaction(:user, 'credit', 100, 'present', :key);
-- @call apply_wallet_transaction
-- @expect refused P0001 Idempotency key was used with other arguments: key-*
select * from stripe_idempotency.apply_wallet_transaction(:other, 'credit', 100, 'gift', :key);

-- @check Repeats and conflicts moved nothing, for nobody
select
    wallet.balance = 40,
    not exists (select 1 from stripe_idempotency.wallets as others where others.user_id = :other),
    (
        select count(*) = 4 and sum(entry.amount) = 40
        from stripe_idempotency.wallet_transactions as entry
        where entry.user_id = :user
    )
from stripe_idempotency.wallets as wallet
where wallet.user_id = :user;
