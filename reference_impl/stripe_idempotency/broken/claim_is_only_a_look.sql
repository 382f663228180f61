-- title:     A caller who finds no record of the operation is told to call Stripe
-- class:     check_then_act
-- operation: claim_stripe_idempotency
-- hurts:     the customer, who is charged twice: between the look and the record any number of callers see nothing
-- caught-by: race two_callers_claim_call_and_record,
--            race two_callers_take_over_one_lease,
--            contract operation_claimed_once,
--            contract lapsed_lease_taken_over,
--            contract lease_given_back,
--            contract old_or_failed_key_needs_attention
-- changes:   functions/claim_stripe_idempotency.sql
--
-- The source's way: look, call with a key of one's own, record. Nothing is written down before Stripe is called.

-- @instead of
    v_now := clock_timestamp();
-- @write
    v_now := clock_timestamp();
    if v_claim.status <> 'completed' then
        outcome := 'claimed';
        attempt := 1;
        stripe_idempotency_key := v_claim.stripe_idempotency_key;
        delete from stripe_idempotency.stripe_idempotency_keys as claim where claim.id = v_claim.id;
        return;
    end if;
