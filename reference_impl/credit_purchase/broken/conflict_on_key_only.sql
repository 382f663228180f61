-- title:     A purchase's insert expects a conflict of its key only
-- class:     raw_unique_violation
-- operation: apply_credit_purchase
-- hurts:     the webhook: a payment announced under a second key is a broken server to it, and is sent for days
-- caught-by: contract payment_credited_once, race one_session_two_keys
-- changes:   functions/apply_credit_purchase.sql
--
-- The source's second fault. A conflict target names one index, and the other one's violation is an error.

-- @instead of
        on conflict do nothing
-- @write
        on conflict (idempotency_key) do nothing
