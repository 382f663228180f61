-- title:           A workspace without an account passes the check for sufficient credits
-- class:           null_passes_check
-- operation:       complete_credit_lead_purchase
-- hurts:           the marketplace: the first purchase of every new workspace is free of any check
-- caught-by:       contract too_few_credits_move_nothing
-- unmask:          alter table lead_marketplace.workspace_credits drop constraint balance_not_negative
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_balances_valid
-- caught-unmasked: contract too_few_credits_move_nothing, lint balance_unchecked, audit balance_not_negative
-- changes:         functions/complete_credit_lead_purchase.sql
--
-- There is no row, so the balance is null, and null < 0.01 is not true.

-- @instead of
    new_credit_balance := coalesce(new_credit_balance, 0.00);
-- @write
