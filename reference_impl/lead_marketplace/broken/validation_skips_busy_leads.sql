-- title:     Validation skips the leads that somebody has locked
-- class:     skip_locked_spend
-- operation: validate_and_lock_leads_for_purchase
-- hurts:     a buyer who is told that a lead is gone while it is for sale, and goes away
-- caught-by: race two_validations_at_once
-- changes:   functions/validate_and_lock_leads_for_purchase.sql
--
-- NOWAIT says "busy, try again". SKIP LOCKED says nothing: the lead is just not in the list, and the count says that it
-- is no longer available.

-- @instead of
    for no key update nowait;
-- @write
    for no key update skip locked;
