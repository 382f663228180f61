-- title:     A card payment locks the leads of its basket one by one, the dearest first
-- class:     locks_in_caller_order
-- operation: complete_stripe_lead_purchase
-- hurts:     buyers whose baskets share leads: a payment that arrived fails with a deadlock
-- caught-by: race overlapping_baskets_opposite_order
-- changes:   functions/complete_stripe_lead_purchase.sql
--
-- The price is the one that each buyer agreed to, so two baskets may see the same two leads in opposite orders. Each
-- payment then holds the lead that the other needs next.

-- @instead of
    v_lead_ids uuid[];
-- @write
    v_lead_ids uuid[];
    v_lead_id uuid;

-- @instead of
        -- The check that counts, as in complete_credit_lead_purchase.
        if lead_marketplace.lock_leads(v_lead_ids) = cardinality(v_lead_ids) then
-- @write
        -- The dearest lead is the one that is most likely gone.
        for v_lead_id in
            select item.lead_id
            from lead_marketplace.marketplace_purchase_items as item
            where item.purchase_id = p_purchase_id
            order by item.price desc
        loop
            perform 1
            from lead_marketplace.leads as lead
            where lead.id = v_lead_id
            for no key update;
        end loop;

        if lead_marketplace.lock_leads(v_lead_ids) = cardinality(v_lead_ids) then
