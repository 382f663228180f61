-- title:    Every hold belongs to an account
-- severity: high
-- property: ledger
-- detects:  row_count_ignored
-- reads:    hold, account
--
-- Credits that were set aside for nobody came from nowhere. What isn't used of them has no account to
-- return to.

select
    hold.hold_id as subject,
    hold.account_id,
    hold.amount
from hold
where
    not exists (
        select 1
        from account
        where account.account_id = hold.account_id
    )
