-- title:     No constraint keeps a balance from going below zero
-- class:     balance_unchecked
-- operation: deduct_credits
-- hurts:     the vendor, with the next mistake in any function that takes credits
-- caught-by: lint balance_unchecked

alter table license_billing.licenses drop constraint credits_not_negative;
