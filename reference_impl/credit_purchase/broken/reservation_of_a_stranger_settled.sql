-- title:     Anybody's reservation can be settled
-- class:     refund_unbound
-- operation: settle_credits
-- hurts:     the user whose reserved credits pay for another one's job
-- caught-by: contract settlement_bound_to_reservation
-- changes:   functions/settle_credits.sql

-- @instead of
        where reservation.reservation_key = p_reservation_key and reservation.user_id = p_user_id
-- @write
        where reservation.reservation_key = p_reservation_key
