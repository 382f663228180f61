-- title:     The backfill looks for newer transactions before it locks the account
-- class:     check_before_lock
-- operation: backfill_balance_before
-- hurts:     the user: the past is put on top of what came in meanwhile
-- caught-by: race backfill_against_first_credits
-- changes:   functions/backfill_balance_before.sql

-- @instead of
    perform peer_booking.lock_accounts(array[p_user_id]);
-- @write

-- @instead of
    if v_waiting = 0 then
-- @write
    if v_waiting = 0 then
        perform peer_booking.lock_accounts(array[p_user_id]);

-- @instead of
    for v_old in
-- @write
    perform peer_booking.lock_accounts(array[p_user_id]);
    for v_old in
