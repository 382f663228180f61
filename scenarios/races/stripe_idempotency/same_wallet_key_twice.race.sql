-- title:    One debit is sent twice at once, under one idempotency key
-- property: serial, replay, ledger
-- detects:  check_before_lock, raw_unique_violation, unique_missing_on_key
-- expect:   exactly 2 ok in apply_wallet_transaction
--
-- The key says that both calls mean the same ticket. The second must wait for the first and repeat its answer:
-- neither take the money again, nor fail on an index, nor find that too little is left.

-- @values user uuid, key text

-- @setup
insert into stripe_idempotency.users (id) values (:user);
select * from stripe_idempotency.apply_wallet_transaction(:user, 'credit', 100, 'opening balance');

-- @session first_try
-- @call apply_wallet_transaction
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', 60, 'ticket', :key);

-- @session second_try
-- @call apply_wallet_transaction
select * from stripe_idempotency.apply_wallet_transaction(:user, 'debit', 60, 'ticket', :key);
