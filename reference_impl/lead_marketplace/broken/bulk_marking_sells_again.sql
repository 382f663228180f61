-- title:           Bulk marking sells leads again that are sold
-- class:           not_idempotent
-- operation:       mark_leads_sold_bulk
-- hurts:           the partner: the count of sales, and what is paid by it, grows with every repeat
-- caught-by:       contract bulk_marking_counts_its_own,
--                  race bulk_marking_against_purchase
-- unmask:          alter table lead_marketplace.leads drop constraint lead_sold_once
-- caught-unmasked: contract bulk_marking_counts_its_own, race two_bulk_markings, race bulk_marking_against_purchase,
--                  audit item_sold_once
-- changes:         functions/mark_leads_sold_bulk.sql

-- @instead of
    where lead.id = any(p_lead_ids) and lead.marketplace_status = 'available';
-- @write
    where lead.id = any(p_lead_ids);
