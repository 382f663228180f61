-- title:     A deduction locks its license FOR UPDATE
-- class:     lock_too_strong
-- operation: deduct_credits
-- hurts:     whoever generates two texts at once: one of them fails with a deadlock
-- caught-by: race two_deductions_one_balance
-- changes:   functions/deduct_credits.sql
--
-- The row of the request refers to the license, and so shares its key. Two deductions both hold that share, and FOR
-- UPDATE wants it from each other. FOR NO KEY UPDATE doesn't ask for the key, which nobody changes. The source has FOR
-- UPDATE (and no request to insert before it).

-- @instead of
    where license.id = v_license_id
    for no key update;
-- @write
    where license.id = v_license_id
    for update;
