-- title:     A top-up's entry says which balance was read before it, not which one it changed
-- class:     stale_balance_in_entry
-- operation: add_credits
-- hurts:     whoever reads the ledger: the balance is right, and the entries tell another story
-- caught-by: race top_up_against_deduction, race settlement_against_top_up, audit entry_chain_unbroken
-- changes:   functions/add_credits.sql, functions/post_credit_entry.sql
--
-- The UPDATE adds to what is there and is right. The entry is written from a balance that another movement has changed
-- in between, so two entries start from the same balance.

-- @instead of
    where license.license_key = p_license_key
    for no key update;
-- @write
    where license.license_key = p_license_key;

-- @instead of
        credits_remaining = v_after,
-- @write
        credits_remaining = license.credits_remaining + p_request.amount,

-- @instead of
    where license.id = p_request.license_id
    returning license.credits_remaining into strict v_after;
-- @write
    where license.id = p_request.license_id;
