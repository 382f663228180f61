-- title:           A settlement may be of -50 credits
-- class:           negative_amount
-- operation:       settle_credits
-- hurts:           the shop: a reservation grows with it, and can then give back more than was put in
-- caught-by:       contract reservation_reasons_in_order
-- unmask:          alter table credit_purchase.credit_operations drop constraint operation_amount_positive
-- unmask:          alter table credit_purchase.credit_reservations drop constraint reservation_not_exceeded
-- caught-unmasked: contract reservation_reasons_in_order, audit hold_amounts_valid
-- changes:         functions/settle_credits.sql

-- @instead of
        when p_amount is null or p_amount <= 0 then 'invalid_amount'
-- @write
        when p_amount is null then 'invalid_amount'
