-- title:     A booking locks its client before it locks both in order
-- class:     locks_in_caller_order
-- operation: process_peer_booking_credits
-- hurts:     two practitioners who book each other in the same moment: one booking fails with a deadlock
-- caught-by: race opposite_bookings
-- changes:   functions/process_peer_booking_credits.sql
--
-- The common function takes the accounts in the order of their ids. A lock that is taken before it has an order of
-- its own: each booking holds its client, who is the other one's practitioner.

-- @instead of
        perform peer_booking.move_credits(v_transfer);
-- @write
        perform peer_booking.lock_accounts(array[p_client_id]);
        perform peer_booking.move_credits(v_transfer);
