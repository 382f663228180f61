-- Lock the given leads until the transaction ends, and return how many of them are for sale.
--
-- Everything that marks leads sold comes through here, and always in the order of the ids: two baskets
-- that share leads then queue up at the first of them and can't deadlock. The count is of the rows as they
-- are once they are locked, so nobody can change it before the caller has acted on it.

create or replace function lead_marketplace.lock_leads(p_lead_ids uuid[])
returns integer
language plpgsql
set search_path = ''
as $$
begin
    return (
        select count(*) filter (where locked.for_sale)
        from (
            select lead.for_sale
            from lead_marketplace.leads as lead
            where lead.id = any(p_lead_ids)
            order by lead.id
            for no key update
        ) as locked
    );
end;
$$;

alter function lead_marketplace.lock_leads(uuid[]) owner to lead_marketplace_owner;
revoke all on function lead_marketplace.lock_leads(uuid[])
from public, anon, authenticated, service_role;
