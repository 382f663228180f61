-- title:     A balance that would be too large ends in an error instead of a refusal
-- class:     raw_constraint_error
-- operation: add_workspace_credits
-- hurts:     the client, who takes a final answer for a fault of the server and retries for ever
-- caught-by: contract balance_has_a_ceiling
-- changes:   functions/post_credit_entry.sql

-- @instead of
    if v_after > 9999999999.99 then
        raise exception 'Credit balance would be too large: %', v_after;
    end if;
-- @write
