-- title:     The caller says how long the session is, and so what it costs
-- class:     charge_unbound
-- operation: process_peer_booking_credits
-- hurts:     the practitioner: an hour is paid like a minute
-- caught-by: contract booking_refusals
-- changes:   functions/process_peer_booking_credits.sql

-- @instead of
    elsif v_session.duration_minutes <> p_duration_minutes then
        raise exception 'Session has another duration. Given: %, Required: %',
            p_duration_minutes, v_session.duration_minutes;
-- @write
