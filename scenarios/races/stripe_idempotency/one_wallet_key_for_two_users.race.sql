-- title:    Two users' credits come at once under one idempotency key
-- property: serial, replay, ledger
-- detects:  raw_unique_violation, unique_missing_on_key, key_reused_for_other_arguments
-- expect:   exactly 1 ok in apply_wallet_transaction
-- expect:   exactly 1 refused in apply_wallet_transaction
--
-- A key is one request, whoever sends it. The two meet on no wallet, so no lock of a wallet puts them in a line. The
-- second is refused for its key, and leaves no credit behind.

-- @values first_user uuid, second_user uuid, key text

-- @setup
insert into stripe_idempotency.users (id) values (:first_user), (:second_user);

-- @session first_request
-- @call apply_wallet_transaction
select * from stripe_idempotency.apply_wallet_transaction(:first_user, 'credit', 60, 'gift', :key);

-- @session second_request
-- @call apply_wallet_transaction
select * from stripe_idempotency.apply_wallet_transaction(:second_user, 'credit', 60, 'gift', :key);
