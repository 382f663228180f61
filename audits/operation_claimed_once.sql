-- title:    Every operation has one claim
-- severity: critical
-- property: replay
-- anomaly:  double claim
-- detects:  unique_missing_on_key, check_then_act, insert_where_not_exists
-- reads:    claim
--
-- A claim decides who may call the outside service for an operation. Two claims of one operation are
-- two callers who were both told to go ahead, each with a key of its own, and the service can't know
-- that they mean the same.

select
    claim.claim_id as subject,
    count(*) as claims,
    string_agg(claim.stripe_key, ', ' order by claim.created_at asc, claim.stripe_key asc) as stripe_keys
from claim
group by claim.claim_id
having count(*) > 1
