-- title:    A wallet takes whole positive amounts, and holds neither less than nothing nor more than it can
-- property: input, ledger
-- detects:  negative_amount, null_passes_check, unguarded_debit, clamped_at_zero, row_count_ignored,
--           fraction_rounded_away
--
-- A debit of -50 would be a credit, and a comparison with NULL is never true. An amount beyond the
-- column's range is refused before the type raises.

-- @values user uuid, unknown uuid
-- @setup
insert into stripe_idempotency.users (id) values (:user);

-- @call apply_wallet_transaction
-- @expect refused P0001 Unknown transaction type: <NULL>
select * from stripe_idempotency.apply_wallet_transaction(null, null, null, null, '');
-- @call apply_wallet_transaction
-- @expect refused P0001 Unknown transaction type: payment
select * from stripe_idempotency.apply_wallet_transaction(:user, 'payment', 10, 'gift');
-- @call apply_wallet_transaction
-- @expect refused P0001 Invalid amount: <NULL>
select * from stripe_idempotency.apply_wallet_transaction(:unknown, 'debit', null, null, '');
-- @call apply_wallet_transaction
-- @expect refused P0001 Invalid amount: 0
select * from stripe_idempotency.apply_wallet_transaction(:user, 'credit', 0, 'gift');
-- @call apply_wallet_transaction
-- @expect refused P0001 Invalid amount: -50
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', -50, 'ticket');
-- @call apply_wallet_transaction
-- @expect refused P0001 Invalid amount: -2147483648
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', -2147483648, 'ticket');
-- @call apply_wallet_transaction
-- @expect refused P0001 Reference is missing
select * from stripe_idempotency.apply_wallet_transaction(:unknown, 'credit', 10, null, '');
-- @call apply_wallet_transaction
-- @expect refused P0001 Reference is missing
select * from stripe_idempotency.apply_wallet_transaction(:user, 'credit', 10, '  ');
-- @call apply_wallet_transaction
-- @expect refused P0001 Invalid idempotency key: *
select * from stripe_idempotency.apply_wallet_transaction(:unknown, 'credit', 10, 'gift', '');
-- @call apply_wallet_transaction
-- @expect refused P0001 User not found: *-*
select * from stripe_idempotency.apply_wallet_transaction(:unknown, 'credit', 10, 'gift');
-- @call apply_wallet_transaction
-- @expect refused P0001 User not found: <NULL>
select * from stripe_idempotency.apply_wallet_transaction(null, 'credit', 10, 'gift');

-- There is no amount of a fifth of a cent.
-- @call apply_wallet_transaction
-- @expect error 42883 *
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', 0.20, 'ticket');

-- @check Nothing of this opened a wallet
select not exists (select 1 from stripe_idempotency.wallets as wallet where wallet.user_id in (:user, :unknown));

-- @call apply_wallet_transaction
-- @expect refused P0001 Insufficient balance. Current: 0, Required: 2147483647
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', 2147483647, 'ticket');
-- @call apply_wallet_transaction
-- @expect ok transaction_id=*, new_balance=100, already_applied=false
select * from stripe_idempotency.apply_wallet_transaction(:user, 'credit', 100, 'gift');
-- @call apply_wallet_transaction
-- @expect refused P0001 Insufficient balance. Current: 100, Required: 101
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', 101, 'ticket');
-- @call apply_wallet_transaction
-- @expect ok transaction_id=*, new_balance=0, already_applied=false
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', 100, 'ticket');
-- @call apply_wallet_transaction
-- @expect ok transaction_id=*, new_balance=2147483647, already_applied=false
select * from stripe_idempotency.apply_wallet_transaction(:user, 'credit', 2147483647, 'gift');
-- @call apply_wallet_transaction
-- @expect refused P0001 Balance would be too large: 2147483648
select * from stripe_idempotency.apply_wallet_transaction(:user, 'credit', 1, 'gift');
-- @call apply_wallet_transaction
-- @expect ok transaction_id=*, new_balance=0, already_applied=false
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', 2147483647, 'ticket');

-- @check Four movements, none of a refused one
select
    wallet.balance = 0,
    count(*) = 4,
    sum(entry.amount) = 0
from stripe_idempotency.wallets as wallet
inner join stripe_idempotency.wallet_transactions as entry on wallet.user_id = entry.user_id
where wallet.user_id = :user
group by wallet.balance;
