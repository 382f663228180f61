-- title:     Validation looks at the leads and does not lock them
-- class:     check_then_act
-- operation: validate_and_lock_leads_for_purchase
-- hurts:     a buyer whose application validates and pays in one transaction: the lead is sold to another in between
-- caught-by: race validated_in_one_transaction
--
-- Called on its own nobody can tell, since the lock ends with the call. Within a transaction it is the promise that the
-- leads stay as they are until the commit.

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
    order by lead.id;
    get diagnostics v_available = row_count;

    if v_available < cardinality(p_lead_ids) then
        raise exception 'Some leads are no longer available for purchase. Requested: %, Available: %',
            cardinality(p_lead_ids), v_available;
    end if;
end;
$$;
