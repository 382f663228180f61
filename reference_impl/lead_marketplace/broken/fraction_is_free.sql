-- title:           Credits are charged in whole numbers, and 0.20 of them are free
-- class:           fraction_rounded_away
-- operation:       complete_credit_lead_purchase
-- hurts:           the marketplace below a price of 0.50, and the buyer above it: 42.50 becomes 43
-- caught-by:       contract credit_amounts_checked, contract credit_completion_charges_once,
--                  audit completed_credit_purchase_charged_once,
--                  contract lead_purchase_written_once
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_document
-- caught-unmasked: contract credit_amounts_checked, audit completed_credit_purchase_charged_once,
--                  audit charge_is_positive, audit entry_moves_something
-- changes:         functions/complete_credit_lead_purchase.sql

-- @instead of
        p_workspace_id, -v_price, 'purchase', p_purchase_id => p_purchase_id
-- @write
        p_workspace_id, -round(v_price), 'purchase', p_purchase_id => p_purchase_id
