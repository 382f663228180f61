-- title:    Every claim keeps the key that its calls are made with
-- severity: critical
-- property: replay
-- detects:  retry_without_key
-- reads:    claim
--
-- Whoever takes over from a caller that died doesn't know whether its call arrived. With the same
-- key that doesn't matter. A claim without one can only be called again under a new key, and then
-- the operation may be done twice.

select
    claim.claim_id as subject,
    claim.status,
    claim.created_at
from claim
where coalesce(btrim(claim.stripe_key), '') = ''
