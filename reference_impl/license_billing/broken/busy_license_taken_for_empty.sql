-- title:     A settlement skips a license that somebody else has locked, and finds no credits
-- class:     skip_locked_spend
-- operation: settle_unbilled_generation
-- hurts:     whoever watches the unbilled generations: they seem to be unpayable while the credits are there
-- caught-by: race settlement_against_top_up, race settled_twice_at_once, race settled_against_late_deduction
-- changes:   functions/settle_unbilled_generation.sql
--
-- SKIP LOCKED is for queues, where another row is as good. Here there is one row, and to skip it means to see no
-- credits.

-- @instead of
    into strict v_balance
-- @write
    into v_balance

-- @instead of
    for no key update;
-- @write
    for no key update skip locked;
    v_balance := coalesce(v_balance, 0);
