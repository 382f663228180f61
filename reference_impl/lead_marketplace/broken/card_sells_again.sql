-- title:           A card payment that arrives for a lead already sold sells it again
-- class:           state_not_rechecked
-- operation:       complete_stripe_lead_purchase
-- hurts:           both buyers: each has paid for a lead that was promised to one
-- caught-by:       contract late_card_payment_owed_back,
--                  race credit_against_card,
--                  race validate_then_complete,
--                  race overlapping_baskets_opposite_order
-- unmask:          alter table lead_marketplace.leads drop constraint lead_sold_once
-- unmask:          drop index lead_marketplace.lead_sold_by_one_purchase
-- caught-unmasked: contract late_card_payment_owed_back, race credit_against_card, race validate_then_complete,
--                  audit item_sold_once, audit item_sold_by_one_purchase
-- changes:         functions/complete_stripe_lead_purchase.sql

-- @instead of
        if lead_marketplace.lock_leads(v_lead_ids) = cardinality(v_lead_ids) then
-- @write
        if lead_marketplace.lock_leads(v_lead_ids) is not null then
