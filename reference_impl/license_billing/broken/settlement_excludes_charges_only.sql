-- title:     Charges queue up on an advisory lock, and a settlement takes no other
-- class:     read_modify_write
-- operation: settle_unbilled_generation
-- hurts:     whoever tops up to pay for what was generated: the settlement writes over the top-up
-- caught-by: race settlement_against_top_up
-- changes:   functions/deduct_credits.sql, functions/settle_unbilled_generation.sql,
--            functions/settle_unbilled_generations.sql
--
-- Whatever charges waits for its turn. A top-up knows nothing of turns, and changes the balance that a settlement has
-- just read.

-- @instead of
    select license.*
    into v_license
    from license_billing.licenses as license
    where license.license_key = p_license_key
    for no key update;
-- @write
    -- One charge of a license at a time.
    perform pg_advisory_xact_lock(hashtextextended(license.id::text, 0))
    from license_billing.licenses as license
    where license.license_key = p_license_key;
    select license.*
    into v_license
    from license_billing.licenses as license
    where license.license_key = p_license_key
    for no key update;

-- @instead of
    select license.credits_remaining
    into strict v_balance
    from license_billing.licenses as license
    where license.id = v_request.license_id
    for no key update;
-- @write
    -- One charge of a license at a time.
    perform pg_advisory_xact_lock(hashtextextended(v_request.license_id::text, 0));
    select license.credits_remaining
    into strict v_balance
    from license_billing.licenses as license
    where license.id = v_request.license_id;

-- @instead of
        select license.credits_remaining
        into strict v_balance
        from license_billing.licenses as license
        where license.id = v_license_id
        for no key update;
-- @write
        -- One charge of a license at a time.
        perform pg_advisory_xact_lock(hashtextextended(v_license_id::text, 0));
        select license.credits_remaining
        into strict v_balance
        from license_billing.licenses as license
        where license.id = v_license_id
        for no key update;
