-- title:     A booking looks at the session before it locks it, and afterwards only asks whether it is booked
-- class:     check_before_lock
-- operation: process_peer_booking_credits
-- hurts:     the client: a booking that is repeated while the session is refunded charges again
-- caught-by: race refund_against_repeated_booking
-- changes:   functions/process_peer_booking_credits.sql
--
-- The refund comes between the look and the lock. A refunded session isn't booked, so it is paid for once more.
-- Constraints stop that here, with a raw error instead of an answer.

-- @instead of
    v_transfer peer_booking.credit_transfers;
begin
    if v_cost is null then
-- @write
    v_transfer peer_booking.credit_transfers;
    v_seen text;
begin
    select session.status into v_seen from peer_booking.peer_sessions as session where session.id = p_session_id;
    if v_cost is null then

-- @instead of
    elsif v_session.status not in ('pending', 'booked') then
-- @write
    elsif v_seen not in ('pending', 'booked') then

-- @instead of
    if v_session.status = 'pending' then
-- @write
    if v_session.status <> 'booked' then
