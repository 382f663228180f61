-- title:     The payment for a failed purchase is kept and nobody owes it
-- class:     payment_forgotten
-- operation: complete_stripe_lead_purchase
-- hurts:     the buyer, whose card was charged for a purchase that had failed a moment before
-- caught-by: contract late_card_payment_owed_back
-- changes:   functions/complete_stripe_lead_purchase.sql

-- @instead of
    if v_purchase.status in ('pending', 'failed') then
-- @write
    if v_purchase.status = 'pending' then
