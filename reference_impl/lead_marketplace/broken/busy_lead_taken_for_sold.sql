-- title:     Payment with credits takes a lead that somebody has locked for one that is gone
-- class:     lock_timeout_as_refusal
-- operation: complete_credit_lead_purchase
-- hurts:     a buyer whose purchase fails for good because somebody looked at the lead in that moment
-- caught-by: race completion_against_validation,
--            lint retryable_as_refusal
-- changes:   functions/complete_credit_lead_purchase.sql
--
-- NOWAIT raises 55P03, "try again". Here it becomes the answer "no longer available", and the purchase is marked as
-- failed. The one who held the lock may have been a visitor who never buys.

-- @instead of
    -- The check that counts: whoever validated what before, the leads are locked and looked at here.
    v_available := lead_marketplace.lock_leads(v_lead_ids);
-- @write
    -- Don't wait: whoever holds the leads is about to buy them.
    begin
        select count(*) filter (where locked.for_sale)
        into v_available
        from (
            select lead.for_sale
            from lead_marketplace.leads as lead
            where lead.id = any(v_lead_ids)
            order by lead.id
            for no key update nowait
        ) as locked;
    exception
        when lock_not_available then
            v_available := 0;
    end;
