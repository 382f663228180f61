-- title:    Every entry moves a finite amount other than zero
-- severity: medium
-- property: ledger
-- detects:  fraction_rounded_away, nan_accepted, null_passes_check
-- reads:    entry
--
-- An entry of zero records that something was handed over for nothing: 0.20 credits rounded to a
-- whole number are free. An entry without an amount, or with NaN, spoils every sum it is part of.

select  -- noqa: ST06
    coalesce(entry.account_id, '(none)') as subject,
    entry.entry_no,
    entry.amount,
    entry.kind,
    entry.reference
from entry
where
    entry.amount is null
    or entry.amount in (0, 'NaN', 'Infinity', '-Infinity')
