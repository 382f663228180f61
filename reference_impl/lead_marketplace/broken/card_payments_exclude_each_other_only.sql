-- title:           Card payments queue up among themselves and look at the leads without a lock
-- class:           check_then_act
-- operation:       complete_stripe_lead_purchase
-- hurts:           a buyer by card and a buyer with credits both get one lead
-- caught-by:       race credit_against_card,
--                  race validated_in_one_transaction
-- unmask:          alter table lead_marketplace.leads drop constraint lead_sold_once
-- unmask:          drop index lead_marketplace.lead_sold_by_one_purchase
-- caught-unmasked: race credit_against_card,
--                  audit item_sold_once,
--                  audit item_sold_by_one_purchase
-- changes:         functions/complete_stripe_lead_purchase.sql
--
-- One webhook at a time is safe against other webhooks. It isn't against complete_credit_lead_purchase, which knows
-- nothing of that advisory lock and sells the same leads.

-- @instead of
    -- This row lock puts two deliveries of one event in a line; the second finds the purchase completed.
    select purchase.*
-- @write
    -- One delivery at a time.
    perform pg_advisory_xact_lock(hashtext('complete_stripe_lead_purchase'));

    select purchase.*

-- @instead of
        -- The check that counts, as in complete_credit_lead_purchase.
        if lead_marketplace.lock_leads(v_lead_ids) = cardinality(v_lead_ids) then
-- @write
        if cardinality(v_lead_ids) = (
            select count(*) from lead_marketplace.leads as lead where lead.id = any(v_lead_ids) and lead.for_sale
        ) then
