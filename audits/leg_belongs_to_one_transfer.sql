-- title:    No entry is a leg of more than one transfer
-- severity: high
-- property: replay
-- detects:  not_idempotent, exception_swallowed, effect_before_claim
-- reads:    transfer
--
-- The same entry under two transfers means that one of them moved nothing of its own: it was written
-- down and answered for, and the credits of the other one stand for it.

with leg as (
    select
        transfer.transfer_id,
        transfer.from_account as account_id,
        transfer.spend_entry_no as entry_no
    from transfer
    union all
    select
        transfer.transfer_id,
        transfer.to_account as account_id,
        transfer.earn_entry_no as entry_no
    from transfer
)

select
    leg.account_id as subject,
    leg.entry_no,
    count(*) as legs,
    string_agg(leg.transfer_id, ', ' order by leg.transfer_id asc) as transfers
from leg
where leg.entry_no is not null
group by leg.account_id, leg.entry_no
having count(*) > 1
