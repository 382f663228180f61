-- title:    Every transfer left its sender and reached its receiver
-- severity: critical
-- property: ledger
-- anomaly:  half transfer
-- detects:  exception_swallowed, no_ledger_entry, row_count_ignored
-- reads:    transfer, entry
--
-- A transfer is two entries: one takes from the sender, the other gives to the receiver. Where one of
-- them is missing, or is another account's, credits have been lost or made.

select
    transfer.transfer_id as subject,
    transfer.from_account,
    transfer.spend_entry_no,
    spent.amount as spent,
    transfer.to_account,
    transfer.earn_entry_no,
    earned.amount as earned
from transfer
left join entry as spent
    on
        transfer.from_account = spent.account_id
        and transfer.spend_entry_no = spent.entry_no
        and spent.amount < 0
left join entry as earned
    on
        transfer.to_account = earned.account_id
        and transfer.earn_entry_no = earned.entry_no
        and earned.amount > 0
where
    spent.entry_no is null
    or earned.entry_no is null
