-- title:    Both legs of a transfer move its whole amount
-- severity: critical
-- property: ledger
-- detects:  clamped_at_zero, fraction_rounded_away, negative_amount, stale_balance_in_entry
-- reads:    transfer, entry
--
-- What the sender spent, what the receiver earned and what was agreed are one number. A leg that is
-- missing is transfer_has_both_legs' to report.

select
    transfer.transfer_id as subject,
    transfer.amount,
    entry.account_id,
    entry.entry_no,
    entry.amount as moved
from transfer
inner join entry
    on
        (transfer.from_account = entry.account_id and transfer.spend_entry_no = entry.entry_no)
        or (transfer.to_account = entry.account_id and transfer.earn_entry_no = entry.entry_no)
where
    entry.amount is distinct from case
        when transfer.spend_entry_no = entry.entry_no then -transfer.amount
        else transfer.amount
    end
