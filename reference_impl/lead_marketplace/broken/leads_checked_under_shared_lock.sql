-- title:     Payment with credits looks at the leads under a lock that two can hold
-- class:     check_before_lock
-- operation: complete_credit_lead_purchase
-- hurts:     buyers of one lead: a payment fails with a deadlock, where it should wait and then say no
-- caught-by: race two_buyers_one_lead
-- changes:   functions/complete_credit_lead_purchase.sql
--
-- FOR SHARE keeps others from changing the leads, and lets them read them under the same lock. Two payments then both
-- see the lead for sale, both hold it, and each waits for the other before it can mark it sold. The lock that excludes
-- the other must come before the look.

-- @instead of
    -- The check that counts: whoever validated what before, the leads are locked and looked at here.
    v_available := lead_marketplace.lock_leads(v_lead_ids);
-- @write
    -- Nobody can sell the leads while this lock is held.
    select count(*) filter (where locked.for_sale)
    into v_available
    from (
        select lead.for_sale
        from lead_marketplace.leads as lead
        where lead.id = any(v_lead_ids)
        order by lead.id
        for share
    ) as locked;
