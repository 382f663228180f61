-- title:    No key is sent for two operations
-- severity: critical
-- property: replay
-- anomaly:  shared key
-- detects:  unique_missing_on_key, key_reused_for_other_arguments, raw_unique_violation
-- reads:    claim
--
-- The outside service answers a key that it knows with what it did the first time. The second of two
-- operations with one key is never done, and gets the first one's resource as its own.

select
    claim.stripe_key as subject,
    count(distinct claim.claim_id) as claims,
    string_agg(distinct claim.claim_id, ', ' order by claim.claim_id asc) as claim_ids
from claim
where claim.stripe_key is not null
group by claim.stripe_key
having count(distinct claim.claim_id) > 1
