-- title:    A claim that isn't completed has no resource
-- severity: critical
-- property: state
-- anomaly:  stale read
-- detects:  status_acted_on_twice, check_before_lock, state_not_rechecked
-- reads:    claim
--
-- The resource was made and recorded, and yet the claim says that it failed or is still going on.
-- Somebody acted on the claim as it was before the record; the next caller may make the resource
-- again.

select
    claim.claim_id as subject,
    claim.status,
    claim.resource_id
from claim
where
    claim.status is distinct from 'completed'
    and claim.resource_id is not null
