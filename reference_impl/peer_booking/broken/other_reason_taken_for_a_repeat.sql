-- title:     A second refund for another reason is answered as a repeat of the first
-- class:     key_reused_for_other_arguments
-- operation: process_peer_booking_refund
-- hurts:     whoever reads the books: a reason was given and accepted, and is written down nowhere
-- caught-by: contract refund_returns_credits_once
-- changes:   functions/process_peer_booking_refund.sql

-- @instead of
    elsif v_session.status = 'refunded' and v_session.refund_reason <> p_reason then
        raise exception 'Session was refunded for another reason: %', p_session_id;
-- @write
