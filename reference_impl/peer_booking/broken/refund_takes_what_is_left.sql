-- title:     A practitioner who has spent the credits gives back what is left of them
-- class:     clamped_at_zero
-- operation: process_peer_booking_refund
-- hurts:     the client, who gets a part of the price back and a session that counts as refunded
-- caught-by: contract spent_credits_not_refunded
-- changes:   functions/process_peer_booking_refund.sql

-- @instead of
        select 'refund', booking.to_user_id, booking.from_user_id, booking.amount, p_reason, p_session_id
        from peer_booking.credit_transfers as booking
-- @write
        select
            'refund', booking.to_user_id, booking.from_user_id,
            coalesce(nullif(least(booking.amount, account.balance), 0), booking.amount), p_reason, p_session_id
        from peer_booking.credit_transfers as booking
        inner join peer_booking.credits as account on booking.to_user_id = account.user_id
