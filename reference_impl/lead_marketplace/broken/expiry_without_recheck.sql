-- title:     The clean-up marks purchases as failed that it read as pending some time ago
-- class:     status_acted_on_twice
-- operation: expire_lead_purchases
-- hurts:     a buyer whose card payment came late: the money is owed back, and the note of it is overwritten
-- caught-by: race expiry_against_completion
-- changes:   functions/expire_lead_purchases.sql
--
-- The list is read without a lock, and the UPDATE doesn't ask for the status again. A purchase that became refund_due
-- in between is turned into a failed one.

-- @instead of
    -- In the order of the ids, so that two of these can't deadlock. A purchase that is being completed is
    -- waited for, and skipped if it is no longer pending then.
-- @write

-- @instead of
        for no key update
-- @write
