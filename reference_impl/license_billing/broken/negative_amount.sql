-- title:           A deduction of -50 adds 50 credits
-- class:           negative_amount
-- operation:       deduct_credits
-- hurts:           the vendor: whoever chooses the count of tokens mints credits
-- caught-by:       contract deduction_refusals, contract deduction_charged_once
-- unmask:          alter table license_billing.credit_requests drop constraint request_amount_valid
-- caught-unmasked: contract deduction_refusals, contract deduction_charged_once, audit usage_is_positive
-- changes:         functions/deduct_credits.sql
--
-- The source validates four things and the amount isn't one of them. "balance < -50" is false, so the credits suffice.

-- @instead of
    if p_amount > 0 then
-- @write
    if p_amount is not null then

-- @instead of
    elsif p_amount is null or p_amount <= 0 then
-- @write
    elsif p_amount is null then
