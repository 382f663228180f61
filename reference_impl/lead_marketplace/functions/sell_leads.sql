-- Mark the leads of a purchase sold, and its items with them. The caller has locked the leads with
-- lock_leads and seen that all of them are for sale.

create or replace function lead_marketplace.sell_leads(p_purchase_id uuid, p_lead_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
    v_leads integer;
    v_items integer;
begin
    update lead_marketplace.leads as lead
    set marketplace_status = 'sold', sold_count = lead.sold_count + 1, sold_at = now()
    where lead.id = any(p_lead_ids);
    get diagnostics v_leads = row_count;

    update lead_marketplace.marketplace_purchase_items as item
    set sold = true
    where item.purchase_id = p_purchase_id;
    get diagnostics v_items = row_count;

    if v_leads <> cardinality(p_lead_ids) or v_items <> cardinality(p_lead_ids) then
        raise exception 'Purchase % sold % leads and % items of %',
            p_purchase_id, v_leads, v_items, cardinality(p_lead_ids)
            using errcode = 'internal_error';
    end if;
end;
$$;

alter function lead_marketplace.sell_leads(uuid, uuid[]) owner to lead_marketplace_owner;
revoke all on function lead_marketplace.sell_leads(uuid, uuid[])
from public, anon, authenticated, service_role;
