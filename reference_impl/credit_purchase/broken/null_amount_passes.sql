-- title:     A reservation without an amount passes the check of the amount
-- class:     null_passes_check
-- operation: reserve_credits
-- hurts:     whoever sent it: a raw error, which says nothing of the amount
-- caught-by: contract reservation_reasons_in_order
-- changes:   functions/reserve_credits.sql
--
-- null <= 0 is neither true nor false. The columns take no null, and that is all that stops it.

-- @instead of
        when p_amount is null or p_amount <= 0 then 'invalid_amount'
-- @write
        when p_amount <= 0 then 'invalid_amount'
