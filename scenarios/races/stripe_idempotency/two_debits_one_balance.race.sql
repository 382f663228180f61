-- title:    Two debits meet on a balance that is enough for one
-- property: serial, ledger
-- detects:  check_then_act, check_before_lock, read_modify_write, stale_balance_in_entry
-- expect:   exactly 1 ok in apply_wallet_transaction
-- expect:   exactly 1 refused in apply_wallet_transaction
--
-- Each of them sees 100 and wants 60. One may have it; the other has to see the 40 that are left.

-- @values user uuid

-- @setup
insert into stripe_idempotency.users (id) values (:user);
select * from stripe_idempotency.apply_wallet_transaction(:user, 'credit', 100, 'opening balance');

-- @session ticket
-- @call apply_wallet_transaction
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', 60, 'ticket');

-- @session payout
-- @call apply_wallet_transaction
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', 60, 'payout');
