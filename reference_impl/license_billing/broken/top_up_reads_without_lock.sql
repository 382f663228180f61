-- title:     A top-up computes the new balance from one that was read without a lock
-- class:     read_modify_write
-- operation: add_credits
-- hurts:     whoever tops up while a text is generated: of the two movements the later overwrites the earlier
-- caught-by: race top_up_against_deduction, race settlement_against_top_up, audit balance_equals_entries
-- changes:   functions/add_credits.sql
--
-- Both read 40, both write what they make of it, and one of the two is lost. Both entries stay, so the books show it.

-- @instead of
    where license.license_key = p_license_key
    for no key update;
-- @write
    where license.license_key = p_license_key;
