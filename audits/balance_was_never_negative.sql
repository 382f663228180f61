-- title:    No account was below zero between two of its entries
-- severity: high
-- property: ledger
-- anomaly:  overdraft
-- detects:  check_then_act, unguarded_debit, balance_unchecked
-- reads:    entry
--
-- A top-up hides an overdraft: the balance of today looks well, and the credits that were not there
-- were spent all the same. The entries still show it. An account's last entry is left out here,
-- since balance_not_negative speaks about how things stand now.

with numbered as (
    select
        entry.account_id,
        entry.entry_no,
        entry.amount,
        entry.balance_after,
        row_number() over (
            partition by entry.account_id
            order by entry.entry_no desc, entry.created_at desc
        ) as place_from_end
    from entry
)

select
    numbered.account_id as subject,
    numbered.entry_no,
    numbered.amount,
    numbered.balance_after
from numbered
where
    numbered.place_from_end > 1
    and numbered.balance_after < 0
