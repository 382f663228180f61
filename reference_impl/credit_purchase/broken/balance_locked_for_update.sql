-- title:     The balance is locked FOR UPDATE after the profile was made sure of
-- class:     lock_too_strong
-- operation: apply_credit_purchase
-- hurts:     every user with two movements at once: one of the two ends in a deadlock
-- caught-by: race two_purchases_one_user, race purchase_against_reservation, race purchase_against_refund,
--            race two_reservations_one_balance, race refund_against_reservation
-- changes:   functions/post_credit_entry.sql
--
-- Each has taken a key-share lock on the profile, as a foreign key would. FOR UPDATE waits for the other's, FOR NO KEY
-- UPDATE does not.

-- @instead of
    v_after integer;
begin
-- @write
    v_after integer;
begin
    -- It mustn't go away meanwhile.
    perform 1
    from credit_purchase.user_profiles as profile
    where profile.id = p_operation.user_id
    for key share;

    perform 1
    from credit_purchase.user_profiles as profile
    where profile.id = p_operation.user_id
    for update;

