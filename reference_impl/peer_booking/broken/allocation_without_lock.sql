-- title:     A month's credits are added to a balance that was read without a lock
-- class:     read_modify_write
-- operation: allocate_monthly_credits
-- hurts:     the subscribers: a payment in the same moment is lost, or the month is
-- caught-by: race allocation_against_booking
-- changes:   functions/allocate_monthly_credits.sql

-- @instead of
        perform peer_booking.lock_accounts(array[p_user_id]);
-- @write
        insert into peer_booking.credits (user_id) values (p_user_id) on conflict (user_id) do nothing;
