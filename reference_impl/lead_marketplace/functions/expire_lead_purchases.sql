-- Turn pending purchases that are past their expiry into failed ones, and return how many. Run it on a
-- schedule; or for one workspace, before its purchases are shown. NULL means all workspaces.
--
-- Completion looks at expires_at itself, so no outcome depends on how often this runs.

create or replace function lead_marketplace.expire_lead_purchases(p_workspace_id uuid default null)
returns table (purchases_expired integer)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_due uuid[];
begin
    -- In the order of the ids, so that two of these can't deadlock. A purchase that is being completed is
    -- waited for, and skipped if it is no longer pending then.
    v_due := array(
        select purchase.id
        from lead_marketplace.marketplace_purchases as purchase
        where
            purchase.status = 'pending'
            and purchase.expires_at <= now()
            and (p_workspace_id is null or purchase.buyer_workspace_id = p_workspace_id)
        order by purchase.id
        for no key update
    );

    update lead_marketplace.marketplace_purchases as purchase
    set status = 'failed'
    where purchase.id = any(v_due);
    get diagnostics purchases_expired = row_count;
    return next;
end;
$$;

alter function lead_marketplace.expire_lead_purchases(uuid) owner to lead_marketplace_owner;
revoke all on function lead_marketplace.expire_lead_purchases(uuid)
from public, anon, authenticated, service_role;
grant execute on function lead_marketplace.expire_lead_purchases(uuid) to service_role;
