-- title:           The caller chooses what a purchase costs, -40 included
-- class:           negative_amount
-- operation:       complete_credit_lead_purchase
-- hurts:           the marketplace: a lead for -40 credits adds 40 to the buyer's balance
-- caught-by:       contract credit_completion_refusals, contract credit_amounts_checked,
--                  contract credit_completion_charges_once, audit completed_credit_purchase_charged_once
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_document
-- caught-unmasked: contract credit_completion_refusals, contract credit_amounts_checked,
--                  audit completed_credit_purchase_charged_once, audit charge_is_positive
-- changes:         functions/complete_credit_lead_purchase.sql
--
-- The amount of the call is charged instead of the price that was agreed to, and nobody looks at it. The ledger
-- takes no charge that gives; without that rule the balance grows.

-- @instead of
        when lead_marketplace.is_credit_amount(p_credit_amount) is not true
            then format('Invalid credit amount: %s', coalesce(p_credit_amount::text, '<NULL>'))
-- @write

-- @instead of
        when p_credit_amount <> v_price
            then format('Credit amount differs from the price. Given: %s, Required: %s', p_credit_amount, v_price)
-- @write

-- @instead of
    if new_credit_balance < v_price then
-- @write
    if new_credit_balance < p_credit_amount then

-- @instead of
        p_workspace_id, -v_price, 'purchase', p_purchase_id => p_purchase_id
-- @write
        p_workspace_id, -p_credit_amount, 'purchase', p_purchase_id => p_purchase_id
