-- title:     A list of leads may hold a null
-- class:     null_passes_check
-- operation: create_lead_purchase
-- hurts:     the client's author, who hears that a lead is gone (or twice in the list) where an id was forgotten
-- caught-by: contract lead_lists_checked

create or replace function lead_marketplace.check_lead_ids(p_lead_ids uuid[])
returns void
language plpgsql
immutable
set search_path = ''
as $$
begin
    if p_lead_ids is null or cardinality(p_lead_ids) = 0 then
        raise exception 'No leads given';
    elsif cardinality(p_lead_ids) > (
        select count(distinct given.lead_id) from unnest(p_lead_ids) as given (lead_id)
    ) then
        raise exception 'A lead is given twice';
    end if;
end;
$$;
