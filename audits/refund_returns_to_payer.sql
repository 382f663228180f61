-- title:    Every refund went to the account that was charged
-- severity: high
-- property: ledger
-- detects:  refund_unbound
-- reads:    refund, charge
--
-- The amounts agree and the credits are with somebody else: the refund took its account from the
-- caller and not from the charge.

select
    refund.charge_id as subject,
    refund.account_id as refunded_account,
    refund.amount
from refund
where
    exists (
        select 1
        from charge
        where charge.charge_id = refund.charge_id
    )
    and not exists (
        select 1
        from charge
        where
            charge.charge_id = refund.charge_id
            and charge.account_id = refund.account_id
    )
