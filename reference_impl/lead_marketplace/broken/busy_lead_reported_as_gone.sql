-- title:     Validation reports a lead that somebody else has locked as no longer available
-- class:     lock_timeout_as_refusal
-- operation: validate_and_lock_leads_for_purchase
-- hurts:     a buyer who is told that a lead is gone while it is for sale, and goes away
-- caught-by: race two_validations_at_once,
--            lint retryable_as_refusal
-- changes:   functions/validate_and_lock_leads_for_purchase.sql
--
-- 55P03 means "busy, try again", and a client can do that. "No longer available" ends the visit.

-- @instead of
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
-- @write
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
