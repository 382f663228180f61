-- title:     A late delivery completes a card purchase that was paid back
-- class:     state_not_rechecked
-- operation: complete_stripe_lead_purchase
-- hurts:     the marketplace: the buyer has the money back and gets the download all the same
-- caught-by: contract refunded_purchase_stays_refunded
-- changes:   functions/complete_stripe_lead_purchase.sql
--
-- A refunded purchase is taken for a completed one, and the delivery for a repeat.

-- @instead of
    if v_purchase.status = 'completed' then
-- @write
    if v_purchase.status in ('completed', 'refunded') then
