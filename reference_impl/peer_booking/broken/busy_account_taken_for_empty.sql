-- title:     A booking skips the client's account if somebody has it locked, and takes it for empty
-- class:     skip_locked_spend
-- operation: process_peer_booking_credits
-- hurts:     a client whose month is credited just now, and who hears that there are no credits
-- caught-by: race allocation_against_booking, race opposite_bookings
-- changes:   functions/process_peer_booking_credits.sql
--
-- SKIP LOCKED is for queues, where another row will do. Here there is no other.

-- @instead of
    if v_session.status = 'pending' then
-- @write
    perform 1
    from peer_booking.credits as account
    where account.user_id = p_client_id
    for no key update skip locked;
    if v_session.status = 'pending' and not found then
        raise exception 'Insufficient credits. Current: 0, Required: %', v_cost;
    elsif v_session.status = 'pending' then
