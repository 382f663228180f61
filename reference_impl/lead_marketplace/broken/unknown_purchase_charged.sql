-- title:           A purchase that doesn't exist is charged and sells nothing
-- class:           null_passes_check
-- operation:       complete_credit_lead_purchase
-- hurts:           the buyer, who pays for nothing and hears that all went well
-- caught-by:       contract credit_completion_refusals
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_of_buyer
-- caught-unmasked: contract credit_completion_refusals
-- changes:         functions/complete_credit_lead_purchase.sql
--
-- The lookup finds no row, so everything about the purchase is null, and a comparison with null refuses nothing.
-- The last UPDATE hits no row and doesn't say so.

-- @instead of
        when v_purchase.id is null
            then format('Purchase not found: %s', coalesce(p_purchase_id::text, '<NULL>'))
        when v_purchase.buyer_workspace_id is distinct from p_workspace_id
-- @write
        when v_purchase.buyer_workspace_id <> p_workspace_id

-- @instead of
        when v_lead_ids is null
            then format('No leads found for purchase: %s', p_purchase_id)
-- @write

-- @instead of
    if new_credit_balance < v_price then
-- @write
    if new_credit_balance < p_credit_amount then

-- @instead of
        p_workspace_id, -v_price, 'purchase', p_purchase_id => p_purchase_id
-- @write
        p_workspace_id, -p_credit_amount, 'purchase', p_purchase_id => p_purchase_id

-- @instead of
    where purchase.id = p_purchase_id
    returning purchase.id into strict v_purchase.id;
-- @write
    where purchase.id = p_purchase_id;
