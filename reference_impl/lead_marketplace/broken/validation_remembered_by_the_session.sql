-- title:           Completion trusts what its own connection has validated before
-- class:           lock_split_across_calls
-- operation:       complete_credit_lead_purchase
-- hurts:           two buyers complete for one lead: the later one is charged, and gets an error or a lead sold before
-- caught-by:       race two_buyers_validate_then_complete
-- unmask:          alter table lead_marketplace.leads drop constraint lead_sold_once
-- unmask:          drop index lead_marketplace.lead_sold_by_one_purchase
-- caught-unmasked: race two_buyers_validate_then_complete,
--                  audit item_sold_once,
--                  audit item_sold_by_one_purchase
-- changes:         functions/validate_and_lock_leads_for_purchase.sql,
--                  functions/complete_credit_lead_purchase.sql
--
-- Validation leaves a note in the connection, and the next completion there doesn't look again. In a test with one
-- connection that is right: nobody else can have come in between.

-- @instead of
    get diagnostics v_available = row_count;
-- @write
    get diagnostics v_available = row_count;
    perform set_config('lead_marketplace.validated', 'yes', false);

-- @instead of
    v_available := lead_marketplace.lock_leads(v_lead_ids);
-- @write
    v_available := cardinality(v_lead_ids);
    if current_setting('lead_marketplace.validated', true) is distinct from 'yes' then
        v_available := lead_marketplace.lock_leads(v_lead_ids);
    end if;
    perform set_config('lead_marketplace.validated', '', false);
