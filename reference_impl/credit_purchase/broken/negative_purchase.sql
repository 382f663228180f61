-- title:           A purchase may be of -50 credits, or of none
-- class:           negative_amount
-- operation:       apply_credit_purchase
-- hurts:           the user, whose balance a mistaken call can take away; the caller gets a raw error at best
-- caught-by:       contract purchase_reasons_in_order
-- unmask:          alter table credit_purchase.credit_operations drop constraint operation_amount_positive
-- unmask:          alter table credit_purchase.credit_entries drop constraint entry_of_operation
-- unmask:          alter table credit_purchase.credit_entries drop constraint entry_direction
-- caught-unmasked: contract purchase_reasons_in_order
-- changes:         functions/apply_credit_purchase.sql

-- @instead of
        when p_amount is null or p_amount <= 0 then 'invalid_amount'
-- @write
        when p_amount is null then 'invalid_amount'
