-- title:           A lapsed lease is taken over however old its Stripe key is
-- class:           state_not_rechecked
-- operation:       claim_stripe_idempotency
-- hurts:           the customer: Stripe has forgotten the key, and does the operation a second time
-- caught-by:       contract old_or_failed_key_needs_attention
-- unmask:          alter table stripe_idempotency.stripe_idempotency_keys drop constraint claim_lease_within_key
-- caught-unmasked: contract old_or_failed_key_needs_attention
-- changes:         functions/claim_stripe_idempotency.sql

-- @instead of
        when v_claim.expires_at <= v_now then 'needs_attention'
-- @write
