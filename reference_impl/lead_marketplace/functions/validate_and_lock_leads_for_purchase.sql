-- Return the given leads, locked until the caller's transaction ends, if all of them can be bought now.
--
-- Called on its own the lock is gone with the answer, so this is a quick "still there?" for the buyer and
-- no claim: completion locks and checks again. NOWAIT, because a buyer who looks rather hears "busy"
-- (55P03, try again) than waits for another buyer's completion.

create or replace function lead_marketplace.validate_and_lock_leads_for_purchase(
    p_lead_ids uuid[],
    p_buyer_workspace_id uuid
)
returns table (
    id uuid,
    marketplace_price numeric,
    partner_id uuid,
    created_at timestamptz,
    intent_score_calculated integer,
    freshness_score integer
)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_available integer;
begin
    perform lead_marketplace.check_lead_ids(p_lead_ids);
    if not exists (
        select 1 from lead_marketplace.workspaces as workspace where workspace.id = p_buyer_workspace_id
    ) then
        raise exception 'Workspace not found: %', p_buyer_workspace_id;
    end if;

    return query
    select
        lead.id,
        lead.marketplace_price,
        lead.partner_id,
        lead.created_at,
        lead.intent_score_calculated,
        lead.freshness_score
    from lead_marketplace.leads as lead
    where lead.id = any(p_lead_ids) and lead.for_sale
    order by lead.id
    for no key update nowait;
    get diagnostics v_available = row_count;

    if v_available < cardinality(p_lead_ids) then
        raise exception 'Some leads are no longer available for purchase. Requested: %, Available: %',
            cardinality(p_lead_ids), v_available;
    end if;
end;
$$;

alter function lead_marketplace.validate_and_lock_leads_for_purchase(uuid[], uuid) owner to lead_marketplace_owner;
revoke all on function lead_marketplace.validate_and_lock_leads_for_purchase(uuid[], uuid)
from public, anon, authenticated, service_role;
grant execute on function lead_marketplace.validate_and_lock_leads_for_purchase(uuid[], uuid) to service_role;
