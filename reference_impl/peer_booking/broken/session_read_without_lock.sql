-- title:     A booking reads the session's status without locking it
-- class:     status_acted_on_twice
-- operation: process_peer_booking_credits
-- hurts:     the client: the second of two clicks fails raw, and pays again where no constraint stands behind
-- caught-by: race one_session_booked_twice
-- changes:   functions/process_peer_booking_credits.sql
--
-- Both clicks read a pending session.

-- @instead of
    where session.id = p_session_id
    for no key update;
-- @write
    where session.id = p_session_id;
