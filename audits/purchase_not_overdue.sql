-- title:    No purchase is still pending a day after it should have expired
-- severity: medium
-- property: state
-- detects:  exception_swallowed
-- reads:    purchase
--
-- A payment that never arrives must end the purchase. One that stays pending for ever can shut its
-- buyer, or everybody else, out from what is in it. A purchase that was given no time of expiry
-- counts as due when it was made.

select
    purchase.purchase_id as subject,
    purchase.account_id,
    purchase.created_at,
    purchase.expires_at
from purchase
where
    purchase.status = 'pending'
    and coalesce(purchase.expires_at, purchase.created_at) < now() - interval '1 day'
