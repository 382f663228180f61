-- title:    In every entry, balance before plus amount is balance after
-- severity: high
-- property: ledger
-- detects:  clamped_at_zero, stale_balance_in_entry, fraction_rounded_away
-- reads:    entry
--
-- An entry explains one step of a balance. If its own three figures disagree, the step was cut off
-- at zero, rounded, or written from a balance that had been read too early.

select
    entry.account_id as subject,
    entry.entry_no,
    entry.balance_before,
    entry.amount,
    entry.balance_after
from entry
where
    entry.balance_after is null
    or entry.balance_before + entry.amount is distinct from entry.balance_after
