-- title:     Marking leads that don't exist is a success
-- class:     row_count_ignored
-- operation: mark_leads_sold_bulk
-- hurts:     whoever sent a mistyped id: the lead that was meant is still on offer and will be sold again
-- caught-by: contract bulk_marking_counts_its_own
-- changes:   functions/mark_leads_sold_bulk.sql

-- @instead of
declare
    v_known integer;
-- @write

-- @instead of
    select count(*) into v_known from lead_marketplace.leads as lead where lead.id = any(p_lead_ids);
    if v_known < cardinality(p_lead_ids) then
        raise exception 'Some leads do not exist. Requested: %, Found: %', cardinality(p_lead_ids), v_known;
    end if;
-- @write
