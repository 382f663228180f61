-- title:     Nobody looks whether a balance becomes too large
-- class:     overflow
-- operation: allocate_user_credits
-- hurts:     the users: where credits don't fit, a raw error instead of an answer, in bookings too
-- caught-by: contract balance_has_a_ceiling
-- changes:   functions/post_credit_entry.sql

-- @instead of
    elsif v_after > 2147483647 then
        raise exception 'Credit balance would be too large: %', v_after;
-- @write
