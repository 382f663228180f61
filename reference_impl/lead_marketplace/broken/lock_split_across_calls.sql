-- title:           Payment with credits relies on the lock that validation took in another transaction
-- class:           lock_split_across_calls
-- operation:       complete_credit_lead_purchase
-- hurts:           two buyers pay for one lead and both get it
-- caught-by:       race two_buyers_one_lead,
--                  race credit_against_card,
--                  race bulk_marking_against_purchase,
--                  contract lead_sold_to_one_buyer
-- unmask:          alter table lead_marketplace.leads drop constraint lead_sold_once
-- unmask:          drop index lead_marketplace.lead_sold_by_one_purchase
-- caught-unmasked: race two_buyers_one_lead,
--                  race credit_against_card,
--                  race bulk_marking_against_purchase,
--                  contract lead_sold_to_one_buyer,
--                  audit item_sold_once,
--                  audit item_sold_by_one_purchase
-- changes:         functions/complete_credit_lead_purchase.sql
--
-- Validation locks the leads and looks at them, so looking again seems to be waste. But each call is a transaction
-- of its own, and the lock ends with validation's answer. Any number of buyers can have validated a lead before the
-- first of them pays.

-- @instead of
    v_available integer;
-- @write

-- @instead of
    -- The check that counts: whoever validated what before, the leads are locked and looked at here.
    v_available := lead_marketplace.lock_leads(v_lead_ids);
-- @write
    -- The leads were locked and looked at by validate_and_lock_leads_for_purchase.

-- @instead of
        when v_available < cardinality(v_lead_ids)
            then format(
                'Some leads are no longer available for purchase. Requested: %s, Available: %s',
                cardinality(v_lead_ids), v_available
            )
-- @write
