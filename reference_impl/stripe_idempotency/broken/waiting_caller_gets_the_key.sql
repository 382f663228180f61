-- title:     Who hears "in_progress" is told the Stripe key as well
-- class:     lease_not_exclusive
-- operation: claim_stripe_idempotency
-- hurts:     whoever calls Stripe with it: it may, and collides with the owner
-- caught-by: contract operation_claimed_once
-- changes:   functions/claim_stripe_idempotency.sql

-- @instead of
    if outcome <> 'in_progress' then
-- @write
    if outcome is not null then
