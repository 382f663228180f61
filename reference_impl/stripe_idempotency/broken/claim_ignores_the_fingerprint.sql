-- title:     A claim doesn't ask whether the request is the same
-- class:     key_reused_for_other_arguments
-- operation: claim_stripe_idempotency
-- hurts:     the customer, who is sent to the checkout of another basket
-- caught-by: contract operation_claimed_once,
--            contract lease_given_back,
--            contract old_or_failed_key_needs_attention
-- changes:   functions/claim_stripe_idempotency.sql

-- @instead of
    if v_claim.request_fingerprint <> p_request_fingerprint or v_claim.user_id is distinct from p_user_id then
-- @write
    if v_claim.user_id is distinct from p_user_id then
