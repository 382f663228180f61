-- title:     Reconciliation doesn't ask where an account's first entry starts
-- class:     check_missing
-- operation: reconcile_credits
-- hurts:     whoever relies on it: entries that are missing at the beginning stay unseen
-- caught-by: contract books_are_reconciled
-- changes:   functions/reconcile_credits.sql

-- @instead of
            lag(entry.balance_after, 1, 0) over (partition by entry.user_id order by entry.entry_no) as balance_due
-- @write
            lag(entry.balance_after) over (partition by entry.user_id order by entry.entry_no) as balance_due
