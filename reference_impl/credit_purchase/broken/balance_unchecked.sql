-- title:     No constraint keeps a balance from going below zero
-- class:     balance_unchecked
-- operation: reserve_credits
-- hurts:     the shop, with the next mistake in any function that takes credits
-- caught-by: lint balance_unchecked

alter table credit_purchase.user_profiles drop constraint balance_not_negative;
