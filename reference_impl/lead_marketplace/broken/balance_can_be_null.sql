-- title:     A balance may be missing
-- class:     null_passes_check
-- operation: complete_credit_lead_purchase
-- hurts:     the marketplace: null < price is not true, so an account without a balance buys anything
-- caught-by: lint balance_can_be_null

alter table lead_marketplace.workspace_credits alter column balance drop not null;
