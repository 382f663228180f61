-- title:     The backfill computes the balance before as the balance after less the amount, and looks no further
-- class:     stale_balance_in_entry
-- operation: backfill_balance_before
-- hurts:     whoever reconciles: a missing row is papered over, and the account starts wrong
-- caught-by: contract old_transactions_backfilled
-- changes:   functions/backfill_balance_before.sql
--
-- As the source did it. Each row adds up by construction, whatever is missing between two of them.

-- @instead of
    where chained.balance_before::bigint + chained.amount <> chained.balance_after
-- @write
    where chained.balance_after::bigint - chained.amount < 0
