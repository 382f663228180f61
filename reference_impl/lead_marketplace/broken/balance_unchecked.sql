-- title:     No constraint keeps a balance from going below zero
-- class:     balance_unchecked
-- operation: complete_credit_lead_purchase
-- hurts:     the marketplace, with the next mistake in any function that takes credits
-- caught-by: lint balance_unchecked

alter table lead_marketplace.workspace_credits drop constraint balance_not_negative;
