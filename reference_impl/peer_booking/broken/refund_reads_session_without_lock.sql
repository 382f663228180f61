-- title:     A refund reads the session's status without locking it
-- class:     status_acted_on_twice
-- operation: process_peer_booking_refund
-- hurts:     the practitioner: the second of two refunds fails raw, and takes again where no constraint stands behind
-- caught-by: race two_refunds_of_one_session
-- changes:   functions/process_peer_booking_refund.sql
--
-- Both calls read a booked session.

-- @instead of
    where session.id = p_session_id
    for no key update;
-- @write
    where session.id = p_session_id;
