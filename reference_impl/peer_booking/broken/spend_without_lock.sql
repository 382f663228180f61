-- title:     A spend checks a balance that it reads without a lock
-- class:     check_then_act
-- operation: update_credit_balance
-- hurts:     the practitioners: a refund takes credits that are being spent, and the books gain them
-- caught-by: race refund_against_spending
-- changes:   functions/update_credit_balance.sql
--
-- Nothing is given, so nothing seems to need a lock. What was enough when it was read is gone when it is taken.

-- @instead of
        perform peer_booking.lock_accounts(array[p_user_id]);
-- @write
        if p_amount > 0
            or not exists (select 1 from peer_booking.credits as account where account.user_id = p_user_id) then
            perform peer_booking.lock_accounts(array[p_user_id]);
        end if;
