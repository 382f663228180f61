-- title:    A completed claim has a time of completion, any other has none
-- severity: low
-- property: state
-- detects:  status_acted_on_twice, state_not_rechecked
-- reads:    claim
--
-- Status and time are written together. Where they disagree, the claim was completed and then set
-- back, or its status was changed by something other than the record.

select
    claim.claim_id as subject,
    claim.status,
    claim.created_at,
    claim.completed_at
from claim
where (claim.status is not distinct from 'completed') <> (claim.completed_at is not null)
