-- Mark leads sold that were sold elsewhere, and return how many this call moved from available to sold.
--
-- Leads that are sold already, or drafts, are left as they are and not counted, so calling again is harmless.

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
    where lead.id = any(p_lead_ids) and lead.marketplace_status = 'available';
    get diagnostics leads_marked = row_count;
    return next;
end;
$$;

alter function lead_marketplace.mark_leads_sold_bulk(uuid[]) owner to lead_marketplace_owner;
revoke all on function lead_marketplace.mark_leads_sold_bulk(uuid[])
from public, anon, authenticated, service_role;
grant execute on function lead_marketplace.mark_leads_sold_bulk(uuid[]) to service_role;
