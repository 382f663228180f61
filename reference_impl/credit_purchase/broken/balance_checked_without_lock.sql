-- title:           A reservation checks the balance without locking it
-- class:           check_then_act
-- operation:       reserve_credits
-- hurts:           the shop: two jobs run on the credits of one
-- caught-by:       race two_reservations_one_balance
-- unmask:          alter table credit_purchase.user_profiles drop constraint balance_not_negative
-- unmask:          alter table credit_purchase.credit_entries drop constraint entry_balances_not_negative
-- caught-unmasked: race two_reservations_one_balance, audit balance_not_negative
-- changes:         functions/post_credit_entry.sql
--
-- Two reservations both read 40 and both find it enough. The constraint on the balance stops the second, with a raw
-- error instead of "insufficient_credits".

-- @instead of
    v_after integer;
begin
-- @write
    v_after integer;
    v_seen integer;
begin
    select profile.credit_balance
    into strict v_seen
    from credit_purchase.user_profiles as profile
    where profile.id = p_operation.user_id;

-- @instead of
        and profile.credit_balance + v_amount between 0 and 2147483647
-- @write
        and v_seen + v_amount >= 0
        and profile.credit_balance + v_amount <= 2147483647
