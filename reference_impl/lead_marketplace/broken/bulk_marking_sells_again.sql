-- title:           Bulk marking sells leads again that are sold
-- class:           not_idempotent
-- operation:       mark_leads_sold_bulk
-- hurts:           the partner: the count of sales, and what is paid by it, grows with every repeat
-- caught-by:       contract bulk_marking_counts_its_own
-- unmask:          alter table lead_marketplace.leads drop constraint lead_sold_once
-- caught-unmasked: contract bulk_marking_counts_its_own, race two_bulk_markings, race bulk_marking_against_purchase,
--                  audit item_sold_once

create or replace function lead_marketplace.mark_leads_sold_bulk(p_lead_ids uuid[])
returns table (leads_marked integer)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_known integer;
begin
    perform lead_marketplace.check_lead_ids(p_lead_ids);
    select count(*) into v_known from lead_marketplace.leads as lead where lead.id = any(p_lead_ids);
    if v_known < cardinality(p_lead_ids) then
        raise exception 'Some leads do not exist. Requested: %, Found: %', cardinality(p_lead_ids), v_known;
    end if;

    -- An UPDATE alone locks rows in whatever order it meets them, and could deadlock with a completion.
    perform lead_marketplace.lock_leads(p_lead_ids);

    update lead_marketplace.leads as lead
    set marketplace_status = 'sold', sold_count = lead.sold_count + 1, sold_at = now()
    where lead.id = any(p_lead_ids);
    get diagnostics leads_marked = row_count;
    return next;
end;
$$;
