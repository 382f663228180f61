-- title:    Every stored balance equals the sum of the account's entries
-- severity: critical
-- property: ledger
-- anomaly:  lost update
-- detects:  no_ledger_entry, read_modify_write, app_read_modify_write, clamped_at_zero
-- reads:    account, entry
--
-- The stored balance is kept for speed; the entries say how it came about. A credit that moves
-- without an entry, or a writer that overwrites another's balance, leaves the two apart. An account
-- without entries must stand at zero. Balances that are no number at all belong to
-- balance_is_finite.

with booked as (
    select
        entry.account_id,
        sum(entry.amount) as amount
    from entry
    group by entry.account_id
)

select
    account.account_id as subject,
    account.balance,
    coalesce(booked.amount, 0) as sum_of_entries,
    account.balance - coalesce(booked.amount, 0) as difference
from account
left join booked on account.account_id = booked.account_id
where
    account.balance not in ('NaN', 'Infinity', '-Infinity')
    and account.balance <> coalesce(booked.amount, 0)
