-- title:     A claim is a row lock, which ends with the call that took it
-- class:     lock_split_across_calls
-- operation: claim_stripe_idempotency
-- hurts:     everybody: every caller who asks in turn hears "claimed", and all of them are at Stripe with one key
-- caught-by: race two_callers_claim_call_and_record,
--            race two_callers_take_over_one_lease,
--            contract operation_claimed_once,
--            contract lapsed_lease_taken_over
-- changes:   functions/claim_stripe_idempotency.sql
--
-- The lock is right, and gone with the answer: the call to Stripe comes in the next transaction. What shuts the others
-- out has to be written down.

-- @instead of
        when v_claim.lease_expires_at > v_now then 'in_progress'
-- @write
