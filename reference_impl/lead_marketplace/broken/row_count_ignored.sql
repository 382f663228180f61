-- title:     Marking leads that don't exist is a success
-- class:     row_count_ignored
-- operation: mark_leads_sold_bulk
-- hurts:     whoever sent a mistyped id: the lead that was meant is still on offer and will be sold again
-- caught-by: contract bulk_marking_counts_its_own

create or replace function lead_marketplace.mark_leads_sold_bulk(p_lead_ids uuid[])
returns table (leads_marked integer)
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform lead_marketplace.check_lead_ids(p_lead_ids);

    -- An UPDATE alone locks rows in whatever order it meets them, and could deadlock with a completion.
    perform lead_marketplace.lock_leads(p_lead_ids);

    update lead_marketplace.leads as lead
    set marketplace_status = 'sold', sold_count = lead.sold_count + 1, sold_at = now()
    where lead.id = any(p_lead_ids) and lead.marketplace_status = 'available';
    get diagnostics leads_marked = row_count;
    return next;
end;
$$;
