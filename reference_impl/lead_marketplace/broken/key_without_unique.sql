-- title:     Nothing stops a second entry under one request key
-- class:     unique_missing_on_key
-- operation: complete_credit_lead_purchase
-- hurts:     the buyer, with the next mistake that charges, refunds or credits a second time
-- caught-by: lint key_without_unique

alter table lead_marketplace.credit_entries drop constraint entry_request_key_once;
