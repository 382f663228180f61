-- title:     The message of a refusal computes what it says in the type of the amount
-- class:     overflow
-- operation: update_credit_balance
-- hurts:     whoever is refused the smallest integer: a raw error instead of an answer
-- caught-by: contract too_few_credits_move_nothing
-- changes:   functions/post_credit_entry.sql
--
-- There are more negative integers than positive ones, so turning the sign of the last one fails.

-- @instead of
        raise exception 'Insufficient credits. Current: %, Required: %', v_before, v_before - v_after;
-- @write
        raise exception 'Insufficient credits. Current: %, Required: %', v_before, -p_amount;
