-- title:     Nobody looks whether the balance's update has hit a row
-- class:     row_count_ignored
-- operation: apply_credit_purchase
-- hurts:     the buyer, who hears "applied" and has no credits; and the shop, whose reservations cost nothing
-- caught-by: contract applied_means_credited, contract credits_reserved_once, contract refund_bound_to_reservation,
--            audit completed_payment_has_entry, audit charge_has_entry, audit refund_has_entry
-- changes:   functions/post_credit_entry.sql
--
-- The source's fourth fault. The condition in the update keeps the balance right; not looking at the count makes it
-- a silent no.

-- @instead of
    if not found then
        raise exception using
            errcode = 'CP001',
            message = case when v_amount < 0 then 'insufficient_credits' else 'balance_overflow' end;
    end if;
-- @write
    if not found then
        return;
    end if;
