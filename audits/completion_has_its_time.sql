-- title:    A completed purchase has a time of completion, a pending or failed one has none
-- severity: low
-- property: state
-- detects:  status_acted_on_twice, state_not_rechecked
-- reads:    purchase
--
-- Status and time are written together. Where they disagree, the purchase was completed and then
-- set back, or its status was changed by something other than the completion.

select
    purchase.purchase_id as subject,
    purchase.status,
    purchase.created_at,
    purchase.completed_at
from purchase
where
    (purchase.status = 'completed' and purchase.completed_at is null)
    or (purchase.status in ('pending', 'failed') and purchase.completed_at is not null)
