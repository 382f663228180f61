-- title:     Validation reports a lead that somebody else has locked as no longer available
-- class:     lock_timeout_as_refusal
-- operation: validate_and_lock_leads_for_purchase
-- hurts:     a buyer who is told that a lead is gone while it is for sale, and goes away
-- caught-by: race two_validations_at_once,
--            lint retryable_as_refusal
--
-- 55P03 means "busy, try again", and a client can do that. "No longer available" ends the visit.

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

    begin
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
    exception
        when lock_not_available then
            v_available := 0;
    end;

    if v_available < cardinality(p_lead_ids) then
        raise exception 'Some leads are no longer available for purchase. Requested: %, Available: %',
            cardinality(p_lead_ids), v_available;
    end if;
end;
$$;
