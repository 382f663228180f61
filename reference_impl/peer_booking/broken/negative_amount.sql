-- title:           Amounts are only compared with zero
-- class:           negative_amount
-- operation:       credits_transfer
-- hurts:           the receivers: a transfer of -50 takes 50 from them; the constraints turn it into a raw error
-- caught-by:       contract credit_amounts_checked
-- unmask:          alter table peer_booking.credit_transfers drop constraint transfer_amount_positive
-- unmask:          alter table peer_booking.credit_allocations drop constraint allocation_amount_positive
-- caught-unmasked: contract credit_amounts_checked
-- changes:         functions/check_amount.sql

-- @instead of
    if p_amount is null or p_amount <= 0 then
-- @write
    if p_amount is null or p_amount = 0 then
