-- Refuse a list of leads that is empty, or has a NULL or a lead twice.

create or replace function lead_marketplace.check_lead_ids(p_lead_ids uuid[])
returns void
language plpgsql
immutable
set search_path = ''
as $$
begin
    if p_lead_ids is null or cardinality(p_lead_ids) = 0 then
        raise exception 'No leads given';
    elsif exists (select 1 from unnest(p_lead_ids) as given (lead_id) where given.lead_id is null) then
        raise exception 'A lead id is null';
    elsif cardinality(p_lead_ids) > (
        select count(distinct given.lead_id) from unnest(p_lead_ids) as given (lead_id)
    ) then
        raise exception 'A lead is given twice';
    end if;
end;
$$;

alter function lead_marketplace.check_lead_ids(uuid[]) owner to lead_marketplace_owner;
revoke all on function lead_marketplace.check_lead_ids(uuid[])
from public, anon, authenticated, service_role;
