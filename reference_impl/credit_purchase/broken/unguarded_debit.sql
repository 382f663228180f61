-- title:           Nobody looks whether there are enough credits to reserve
-- class:           unguarded_debit
-- operation:       reserve_credits
-- hurts:           the shop: jobs run on credit that nobody has paid for
-- caught-by:       contract credits_reserved_once, race two_reservations_one_balance
-- unmask:          alter table credit_purchase.user_profiles drop constraint balance_not_negative
-- unmask:          alter table credit_purchase.credit_entries drop constraint entry_balances_not_negative
-- caught-unmasked: contract credits_reserved_once, audit balance_not_negative
-- changes:         functions/post_credit_entry.sql
--
-- The constraint on the balance then answers with an error that tells the caller nothing. Without it the balance
-- goes below zero.

-- @instead of
        and profile.credit_balance + v_amount between 0 and 2147483647
-- @write
        and profile.credit_balance + v_amount <= 2147483647
