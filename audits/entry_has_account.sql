-- title:    Every entry belongs to an account
-- severity: high
-- property: ledger
-- detects:  row_count_ignored
-- reads:    entry, account
--
-- An entry without an account is credit that the books hold and no balance shows. It comes from an
-- update that hit no row and was taken for a success, or from an account removed with its past.

select  -- noqa: ST06
    coalesce(entry.account_id, '(none)') as subject,
    count(*) as entries,
    sum(entry.amount) as amount
from entry
where
    not exists (
        select 1
        from account
        where account.account_id = entry.account_id
    )
group by entry.account_id
