-- title:     A balance that doesn't fit its column is left to the column
-- class:     overflow_unchecked
-- operation: add_credits
-- hurts:     a customer who has paid: the top-up fails like a broken server, and is sent again and again
-- caught-by: contract top_up_added_once
-- changes:   functions/post_credit_entry.sql

-- @instead of
    if v_after > 2147483647 then
        raise exception 'BALANCE_TOO_LARGE: Balance would be %', v_after;
    end if;
-- @write
