-- title:     Every movement computes the new balance from one that was read without a lock
-- class:     read_modify_write
-- operation: apply_credit_purchase
-- hurts:     everybody: of two movements of one account, the later overwrites the earlier
-- caught-by: race two_purchases_one_user, race purchase_against_reservation, race purchase_against_refund,
--            race refund_against_reservation, audit balance_equals_entries
-- changes:   functions/post_credit_entry.sql
--
-- Both read 100, both write what they make of it, and one of the two is lost. Both entries stay, so the books show it.

-- @instead of
    -- Look and change in one statement. A movement that overlaps waits here for the row, and PostgreSQL then
    -- compares with the balance that the other one has left. The profile is there: the operation refers to it.
    update credit_purchase.user_profiles as profile
    set credit_balance = profile.credit_balance + v_amount, updated_at = now()
    where profile.id = p_operation.user_id
        and profile.credit_balance + v_amount between 0 and 2147483647
    returning profile.credit_balance into v_after;
-- @write
    select profile.credit_balance
    into strict v_after
    from credit_purchase.user_profiles as profile
    where profile.id = p_operation.user_id;

    update credit_purchase.user_profiles as profile
    set credit_balance = v_after + v_amount, updated_at = now()
    where profile.id = p_operation.user_id
        and v_after + v_amount between 0 and 2147483647
    returning profile.credit_balance into v_after;
