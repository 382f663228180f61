-- title:    Every refund gives back something that was charged
-- severity: critical
-- property: ledger
-- detects:  refund_unbound
-- reads:    refund, charge
--
-- A refund that names no charge is new credit under another name.

select
    refund.charge_id as subject,
    refund.account_id,
    refund.amount
from refund
where not exists (
    select 1
    from charge
    where charge.charge_id = refund.charge_id
)
