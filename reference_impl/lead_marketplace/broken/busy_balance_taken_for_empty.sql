-- title:     Payment with credits skips a balance that somebody else has locked, and finds no credits
-- class:     skip_locked_spend
-- operation: complete_credit_lead_purchase
-- hurts:     a buyer who is told "Current: 0.00" while the credits are there
-- caught-by: race top_up_against_purchase
-- changes:   functions/complete_credit_lead_purchase.sql
--
-- SKIP LOCKED is for queues, where another row is as good. Here there is one row, and to skip it means to see no
-- account.

-- @instead of
    for no key update;
    new_credit_balance := coalesce(new_credit_balance, 0.00);
-- @write
    for no key update skip locked;
    new_credit_balance := coalesce(new_credit_balance, 0.00);
