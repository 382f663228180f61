-- title:     A purchase that is paid by card can be paid with credits too
-- class:     wrong_method_accepted
-- operation: complete_credit_lead_purchase
-- hurts:     the buyer, whose card is charged a moment later for what the credits have paid
-- caught-by: contract credit_completion_refusals, audit card_purchase_not_charged
-- changes:   functions/complete_credit_lead_purchase.sql

-- @instead of
        when v_purchase.payment_method <> 'credits'
            then format('Purchase is not paid with credits: %s', p_purchase_id)
-- @write
