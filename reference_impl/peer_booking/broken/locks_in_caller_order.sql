-- title:     Accounts are locked one by one, in the order in which they are given
-- class:     locks_in_caller_order
-- operation: credits_transfer
-- hurts:     two users who pay each other in the same moment: one call fails with a deadlock
-- caught-by: race transfers_in_a_circle, race opposite_bookings
-- changes:   functions/lock_accounts.sql
--
-- The function that everybody locks through is only as good as its order.

-- @instead of
begin
    insert into peer_booking.credits as account (user_id)
    select wanted.user_id
    from unnest(p_user_ids) as wanted (user_id)
    order by wanted.user_id
    on conflict (user_id) do update set updated_at = now();
-- @write
declare
    v_user_id uuid;
begin
    foreach v_user_id in array p_user_ids loop
        insert into peer_booking.credits as account (user_id)
        values (v_user_id)
        on conflict (user_id) do update set updated_at = now();
    end loop;
