-- title:     A transfer locks sender and receiver so that they can't be deleted, in the order in which they are given
-- class:     locks_in_caller_order
-- operation: credits_transfer
-- hurts:     two users who send each other credits in the same moment: one transfer fails with a deadlock
-- caught-by: race transfers_in_a_circle
-- changes:   functions/credits_transfer.sql
--
-- The accounts are taken in one order. The users aren't.

-- @instead of
    -- Inserting claims the key: a second call with it waits here until the first has committed or is gone.
-- @write
    perform 1 from peer_booking.users as sender where sender.id = p_from_user_id for update;
    perform 1 from peer_booking.users as receiver where receiver.id = p_to_user_id for update;

    -- Inserting claims the key: a second call with it waits here until the first has committed or is gone.
