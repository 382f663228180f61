-- title:     A deduction claims its request and locks its license afterwards, FOR UPDATE
-- class:     lock_too_strong
-- operation: deduct_credits
-- hurts:     whoever generates two texts at once: one of them fails with a deadlock
-- caught-by: race two_deductions_one_balance
-- changes:   functions/deduct_credits.sql
--
-- The row of the request refers to the license, and so shares its key. Two deductions both hold that share, and FOR
-- UPDATE wants it from each other.

-- @instead of
    where license.license_key = p_license_key
    for no key update;
-- @write
    where license.license_key = p_license_key;

-- @instead of
    -- A repeat is answered before anything is asked that may have changed since.
-- @write
    select license.*
    into strict v_license
    from license_billing.licenses as license
    where license.id = v_license.id
    for update;

    -- A repeat is answered before anything is asked that may have changed since.
