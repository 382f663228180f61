-- title:     Bulk marking marks the leads one by one, in the order of the list
-- class:     locks_in_caller_order
-- operation: mark_leads_sold_bulk
-- hurts:     whoever imports: of two lists that share leads, one fails with a deadlock
-- caught-by: race two_bulk_markings
--
-- Each UPDATE holds its row until the end. Two lists with the same leads in opposite orders each hold what the other
-- needs next.

create or replace function lead_marketplace.mark_leads_sold_bulk(p_lead_ids uuid[])
returns table (leads_marked integer)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_known integer;
    v_lead_id uuid;
begin
    perform lead_marketplace.check_lead_ids(p_lead_ids);
    select count(*) into v_known from lead_marketplace.leads as lead where lead.id = any(p_lead_ids);
    if v_known < cardinality(p_lead_ids) then
        raise exception 'Some leads do not exist. Requested: %, Found: %', cardinality(p_lead_ids), v_known;
    end if;

    leads_marked := 0;
    foreach v_lead_id in array p_lead_ids loop
        update lead_marketplace.leads as lead
        set marketplace_status = 'sold', sold_count = lead.sold_count + 1, sold_at = now()
        where lead.id = v_lead_id and lead.marketplace_status = 'available';
        if found then
            leads_marked := leads_marked + 1;
        end if;
    end loop;
    return next;
end;
$$;
