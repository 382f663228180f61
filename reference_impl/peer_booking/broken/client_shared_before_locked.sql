-- title:     A booking takes a shared lock on its client and makes it an exclusive one later
-- class:     shared_lock_upgraded
-- operation: process_peer_booking_credits
-- hurts:     a client who books two sessions at once: one booking fails with a deadlock, however the accounts are
--            ordered
-- caught-by: race two_bookings_one_balance
-- changes:   functions/process_peer_booking_credits.sql
--
-- Both bookings get the shared lock, and each then waits for the other to give it up.

-- @instead of
    if v_session.status = 'pending' then
-- @write
    perform 1 from peer_booking.practitioners as client where client.user_id = p_client_id for share;
    if v_session.status = 'pending' then

-- @instead of
        perform peer_booking.move_credits(v_transfer);
-- @write
        perform peer_booking.move_credits(v_transfer);
        perform 1 from peer_booking.practitioners as client where client.user_id = p_client_id for update;
