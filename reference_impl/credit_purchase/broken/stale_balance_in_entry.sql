-- title:     An entry says which balance was read before the movement, not which one it changed
-- class:     stale_balance_in_entry
-- operation: apply_credit_purchase
-- hurts:     whoever reads the ledger: the balance is right, and the entries tell another story
-- caught-by: race two_purchases_one_user, race purchase_against_reservation, race purchase_against_refund,
--            race refund_against_reservation, audit entry_chain_unbroken
-- changes:   functions/post_credit_entry.sql
--
-- The update adds to what is there and is right. The entry is written from a balance that another movement has changed
-- in between, so two entries start from the same balance.

-- @instead of
    v_after integer;
begin
-- @write
    v_after integer;
    v_before integer;
begin
    select profile.credit_balance
    into strict v_before
    from credit_purchase.user_profiles as profile
    where profile.id = p_operation.user_id;

-- @instead of
    end if;

    -- entry_no is drawn here, under the row lock of the update: a user's entries are numbered in the order in
-- @write
    end if;
    v_after := v_before + v_amount;

    -- entry_no is drawn here, under the row lock of the update: a user's entries are numbered in the order in
