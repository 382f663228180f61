-- title:     Accounts are locked by a call of their own, which the backend makes first
-- class:     lock_split_across_calls
-- operation: process_peer_booking_credits
-- hurts:     a client with credits for one session who books two at once: both go through, or one payment is lost
-- caught-by: race two_bookings_one_balance, race opposite_bookings, race transfers_in_a_circle,
--            race allocation_against_booking, race refund_against_spending
-- changes:   functions/move_credits.sql
--
-- The lock ends with the call that took it. Whatever the backend has locked and looked at, nothing of it is locked
-- when the credits move.

-- @instead of
    perform peer_booking.lock_accounts(array[p_transfer.from_user_id, p_transfer.to_user_id]);
-- @write
    insert into peer_booking.credits (user_id)
    values (p_transfer.from_user_id), (p_transfer.to_user_id)
    on conflict (user_id) do nothing;
