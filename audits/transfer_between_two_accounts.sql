-- title:    No transfer went from an account to itself
-- severity: high
-- property: ledger
-- detects:  self_transfer_mints
-- reads:    transfer
--
-- It should change nothing. Where both balances are read before either is written, the second write
-- forgets the first, and each such transfer makes credits.

select
    transfer.transfer_id as subject,
    transfer.from_account,
    transfer.amount
from transfer
where transfer.from_account = transfer.to_account
