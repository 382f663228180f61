-- title:           Any workspace can be charged for a purchase that isn't its own
-- class:           foreign_account_charged
-- operation:       complete_credit_lead_purchase
-- hurts:           the workspace that is named in the call: it pays for somebody else's leads
-- caught-by:       contract credit_completion_refusals, contract credit_completion_charges_once
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_of_buyer
-- caught-unmasked: contract credit_completion_refusals, contract credit_completion_charges_once,
--                  audit charge_is_the_buyers
-- changes:         functions/complete_credit_lead_purchase.sql

-- @instead of
        when v_purchase.buyer_workspace_id is distinct from p_workspace_id
            then format('Purchase belongs to another workspace: %s', p_purchase_id)
-- @write
