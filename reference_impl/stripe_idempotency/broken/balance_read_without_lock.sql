-- title:     A balance is read, computed with and written back, without a lock
-- class:     read_modify_write
-- operation: apply_wallet_transaction
-- hurts:     the user or the shop: of two movements at once one is lost
-- caught-by: race two_debits_one_balance,
--            race same_wallet_key_twice,
--            audit balance_equals_entries
-- changes:   functions/post_wallet_transaction.sql

-- @instead of
    where wallet.user_id = p_user_id
    for no key update;
-- @write
    where wallet.user_id = p_user_id;
