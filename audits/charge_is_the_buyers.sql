-- title:    Every purchase was charged to its own buyer
-- severity: critical
-- property: access
-- detects:  executable_by_anyone
-- reads:    charge, purchase
--
-- A completion that takes the account from its caller, instead of from the purchase, lets anybody
-- pay with somebody else's credits.

select
    charge.charge_id as subject,
    charge.account_id as charged_account,
    purchase.account_id as buyer_account,
    charge.amount
from charge
inner join purchase on charge.charge_id = purchase.purchase_id
where charge.account_id is distinct from purchase.account_id
