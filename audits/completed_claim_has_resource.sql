-- title:    Every completed claim says which resource was made
-- severity: critical
-- property: state
-- anomaly:  lost resource
-- detects:  exception_swallowed, row_count_ignored
-- reads:    claim
--
-- Repeats are answered with the resource of the first call. If the claim is completed and names none,
-- the resource exists at the outside service and nobody here can find it.

select
    claim.claim_id as subject,
    claim.stripe_key,
    claim.completed_at
from claim
where
    claim.status = 'completed'
    and coalesce(btrim(claim.resource_id), '') = ''
