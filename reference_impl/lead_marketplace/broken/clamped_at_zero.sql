-- title:     Who has too few credits pays what is there
-- class:     clamped_at_zero
-- operation: complete_credit_lead_purchase
-- hurts:     the marketplace: with a balance of 0.01 every lead costs 0.01
-- caught-by: contract too_few_credits_move_nothing, audit completed_credit_purchase_charged_once
-- changes:   functions/complete_credit_lead_purchase.sql
--
-- greatest(0, ...) keeps the balance from going below zero and hides that the rest was never paid.

-- @instead of
    if new_credit_balance < v_price then
        error_message := format('Insufficient credits. Current: %s, Required: %s', new_credit_balance, v_price);
        return next;
        return;
    end if;

    new_credit_balance := lead_marketplace.post_credit_entry(
        p_workspace_id, -v_price, 'purchase', p_purchase_id => p_purchase_id
-- @write
    new_credit_balance := lead_marketplace.post_credit_entry(
        p_workspace_id,
        greatest(0, new_credit_balance - v_price) - new_credit_balance,
        'purchase',
        p_purchase_id => p_purchase_id
