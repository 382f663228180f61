-- title:           Nobody looks whether there are enough credits
-- class:           unguarded_debit
-- operation:       complete_credit_lead_purchase
-- hurts:           the marketplace: leads are handed out on credit that nobody gave
-- caught-by:       contract too_few_credits_move_nothing
-- unmask:          alter table lead_marketplace.workspace_credits drop constraint balance_not_negative
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_balances_valid
-- caught-unmasked: contract too_few_credits_move_nothing, lint balance_unchecked, audit balance_not_negative
-- changes:         functions/complete_credit_lead_purchase.sql
--
-- The constraint on the balance then answers with an error that tells the buyer nothing. Without it the balance
-- goes below zero.

-- @instead of
    new_credit_balance := coalesce(new_credit_balance, 0.00);

    if new_credit_balance < v_price then
        error_message := format('Insufficient credits. Current: %s, Required: %s', new_credit_balance, v_price);
        return next;
        return;
    end if;

    new_credit_balance := lead_marketplace.post_credit_entry(
-- @write
    new_credit_balance := coalesce(new_credit_balance, 0.00);

    new_credit_balance := lead_marketplace.post_credit_entry(
