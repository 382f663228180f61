-- title:     A lease begins with the transaction that asks for it
-- class:     lease_from_transaction_start
-- operation: claim_stripe_idempotency
-- hurts:     whoever waited for a lock: the lease is over, or nearly, before its owner hears of it
-- caught-by: contract leases_run_by_the_clock
-- changes:   functions/claim_stripe_idempotency.sql

-- @instead of
    v_now := clock_timestamp();
-- @write
    v_now := now();
