-- title:           Bulk markings queue up among themselves and look at the leads without a lock
-- class:           check_then_act
-- operation:       mark_leads_sold_bulk
-- hurts:           a buyer and somebody elsewhere both get one lead
-- caught-by:       race bulk_marking_against_purchase
-- unmask:          alter table lead_marketplace.leads drop constraint lead_sold_once
-- caught-unmasked: race bulk_marking_against_purchase,
--                  audit item_sold_once
-- changes:         functions/mark_leads_sold_bulk.sql
--
-- The list of available leads is read first and acted on afterwards. The advisory lock keeps other imports out, and no
-- buyer: a lead bought in between is marked sold again.

-- @instead of
    v_known integer;
-- @write
    v_known integer;
    v_available uuid[];

-- @instead of
    -- An UPDATE alone locks rows in whatever order it meets them, and could deadlock with a completion.
    perform lead_marketplace.lock_leads(p_lead_ids);

    update lead_marketplace.leads as lead
-- @write
    -- One import at a time.
    perform pg_advisory_xact_lock(hashtext('mark_leads_sold_bulk'));

    v_available := array(
        select lead.id
        from lead_marketplace.leads as lead
        where lead.id = any(p_lead_ids) and lead.marketplace_status = 'available'
    );
    update lead_marketplace.leads as lead

-- @instead of
    where lead.id = any(p_lead_ids) and lead.marketplace_status = 'available';
-- @write
    where lead.id = any(v_available);
