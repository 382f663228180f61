-- title:     Payment with credits skips the leads that somebody has locked
-- class:     skip_locked_spend
-- operation: complete_credit_lead_purchase
-- hurts:     a buyer whose purchase fails for good because somebody looked at the lead in that moment
-- caught-by: race completion_against_validation
-- changes:   functions/complete_credit_lead_purchase.sql
--
-- SKIP LOCKED leaves a busy lead out, so it counts as gone, and the purchase is marked as failed. The one who held the
-- lock may have been a visitor who never buys.

-- @instead of
    -- The check that counts: whoever validated what before, the leads are locked and looked at here.
    v_available := lead_marketplace.lock_leads(v_lead_ids);
-- @write
    -- Don't wait: whoever holds a lead is about to buy it.
    select count(*) filter (where locked.for_sale)
    into v_available
    from (
        select lead.for_sale
        from lead_marketplace.leads as lead
        where lead.id = any(v_lead_ids)
        order by lead.id
        for no key update skip locked
    ) as locked;
