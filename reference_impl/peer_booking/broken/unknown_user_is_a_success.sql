-- title:     A change for a user who doesn't exist is a success
-- class:     row_count_ignored
-- operation: update_credit_balance
-- hurts:     whoever sent a mistyped id, and hears nothing of it
-- caught-by: contract balance_changed_once
-- changes:   functions/update_credit_balance.sql
--
-- Nothing is inserted, nothing is found, and nothing is what the call returns.

-- @instead of
        perform peer_booking.check_users(array[p_user_id]);
-- @write

-- @instead of
        into strict v_update
-- @write
        into v_update

-- @instead of
        if (v_update.user_id, v_update.amount, v_update.transaction_type, v_update.description)
-- @write
        if v_update.id is not null
            and (v_update.user_id, v_update.amount, v_update.transaction_type, v_update.description)
