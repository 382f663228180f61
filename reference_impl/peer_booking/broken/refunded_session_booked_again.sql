-- title:     A refunded session can be booked again
-- class:     state_not_rechecked
-- operation: process_peer_booking_credits
-- hurts:     the client: whoever repeats an old booking takes the credits that the refund gave back
-- caught-by: contract refund_returns_credits_once
-- changes:   functions/process_peer_booking_credits.sql
--
-- A constraint allows one payment per session, so what the caller gets here is a raw error.

-- @instead of
    elsif v_session.status not in ('pending', 'booked') then
-- @write
    elsif v_session.status = 'cancelled' then

-- @instead of
    if v_session.status = 'pending' then
-- @write
    if v_session.status <> 'booked' then
