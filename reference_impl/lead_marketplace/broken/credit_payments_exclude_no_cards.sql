-- title:           Payments with credits queue up with imports and look at the leads without a lock
-- class:           check_then_act
-- operation:       complete_credit_lead_purchase
-- hurts:           a buyer with credits and a buyer by card both get one lead
-- caught-by:       race credit_against_card
-- unmask:          alter table lead_marketplace.leads drop constraint lead_sold_once
-- unmask:          drop index lead_marketplace.lead_sold_by_one_purchase
-- caught-unmasked: race credit_against_card,
--                  audit item_sold_once,
--                  audit item_sold_by_one_purchase
-- changes:         functions/complete_credit_lead_purchase.sql,
--                  functions/mark_leads_sold_bulk.sql
--
-- One advisory lock for all who spend credits and all who import is one lock order, and easy to reason about. The
-- webhook of the card payments was written by another team.

-- @instead of
    v_available := lead_marketplace.lock_leads(v_lead_ids);
-- @write
    perform pg_advisory_xact_lock(hashtext('leads'));
    select count(*) into v_available
    from lead_marketplace.leads as lead
    where lead.id = any(v_lead_ids) and lead.for_sale;

-- @instead of
    perform lead_marketplace.lock_leads(p_lead_ids);
-- @write
    perform pg_advisory_xact_lock(hashtext('leads'));
    perform lead_marketplace.lock_leads(p_lead_ids);
