-- title:     Anybody's reservation can be given back
-- class:     refund_unbound
-- operation: refund_credits
-- hurts:     the user whose job is left without the credits that it was started on
-- caught-by: contract refund_bound_to_reservation
-- changes:   functions/refund_credits.sql

-- @instead of
        where reservation.reservation_key = p_reservation_key and reservation.user_id = p_user_id
-- @write
        where reservation.reservation_key = p_reservation_key
