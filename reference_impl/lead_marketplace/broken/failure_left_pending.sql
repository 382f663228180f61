-- title:     A purchase whose lead is gone stays pending
-- class:     failure_left_pending
-- operation: complete_credit_lead_purchase
-- hurts:     the buyer, who is offered for payment what can't be had any more
-- caught-by: contract lead_sold_to_one_buyer
-- changes:   functions/complete_credit_lead_purchase.sql

-- @instead of
        update lead_marketplace.marketplace_purchases as purchase
        set status = 'failed'
        where purchase.id = p_purchase_id
        returning purchase.id into strict v_purchase.id;
-- @write
        if v_purchase.expires_at <= now() then
            update lead_marketplace.marketplace_purchases as purchase
            set status = 'failed'
            where purchase.id = p_purchase_id
            returning purchase.id into strict v_purchase.id;
        end if;
