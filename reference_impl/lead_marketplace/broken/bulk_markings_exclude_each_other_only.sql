-- title:           Bulk markings queue up among themselves and look at the leads without a lock
-- class:           check_then_act
-- operation:       mark_leads_sold_bulk
-- hurts:           a buyer and somebody elsewhere both get one lead
-- caught-by:       race bulk_marking_against_purchase
-- unmask:          alter table lead_marketplace.leads drop constraint lead_sold_once
-- caught-unmasked: race bulk_marking_against_purchase,
--                  audit item_sold_once
--
-- The list of available leads is read first and acted on afterwards. The advisory lock keeps other imports out, and no
-- buyer: a lead bought in between is marked sold again.

create or replace function lead_marketplace.mark_leads_sold_bulk(p_lead_ids uuid[])
returns table (leads_marked integer)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_known integer;
    v_available uuid[];
begin
    perform lead_marketplace.check_lead_ids(p_lead_ids);
    select count(*) into v_known from lead_marketplace.leads as lead where lead.id = any(p_lead_ids);
    if v_known < cardinality(p_lead_ids) then
        raise exception 'Some leads do not exist. Requested: %, Found: %', cardinality(p_lead_ids), v_known;
    end if;

    -- One import at a time.
    perform pg_advisory_xact_lock(hashtext('mark_leads_sold_bulk'));

    v_available := array(
        select lead.id
        from lead_marketplace.leads as lead
        where lead.id = any(p_lead_ids) and lead.marketplace_status = 'available'
    );
    update lead_marketplace.leads as lead
    set marketplace_status = 'sold', sold_count = lead.sold_count + 1, sold_at = now()
    where lead.id = any(v_available);
    get diagnostics leads_marked = row_count;
    return next;
end;
$$;
