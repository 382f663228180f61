-- title:     A deduction locks its license FOR UPDATE
-- class:     lock_too_strong
-- operation: deduct_credits
-- hurts:     whoever records a generation whose deduction is still under way: one of the two fails with a deadlock
-- caught-by: race recorded_while_deducted
-- changes:   functions/deduct_credits.sql
--
-- The record has claimed the request, and its foreign key asks for a share of the license. FOR UPDATE doesn't give it,
-- and the deduction waits for the request. FOR NO KEY UPDATE doesn't ask for the key, which nobody changes. The source
-- has FOR UPDATE (and no request that refers to the license).

-- @instead of
    where license.license_key = p_license_key
    for no key update;
-- @write
    where license.license_key = p_license_key
    for update;
