-- title:     A purchase looks its key up before it inserts, and expects none to come in between
-- class:     check_before_lock
-- operation: apply_credit_purchase
-- hurts:     the webhook: of two deliveries at once one fails with a raw unique violation
-- caught-by: race purchase_delivered_twice, race purchase_delivered_twice_repeatable_read,
--            race one_key_two_payments, race one_session_two_keys, race one_key_two_kinds
-- changes:   functions/apply_credit_purchase.sql
--
-- The look-up gives every answer right, as long as nobody else is at it.

-- @instead of
    begin
        -- Inserting claims the key and the session: a second call with either waits here until the first has
-- @write
    v_reason := credit_purchase.reason_not_recorded(
        p_user_id, 'purchase', p_amount, p_idempotency_key, p_stripe_session_id => p_stripe_session_id
    );
    if v_reason <> 'user_profile_not_found' then
        return jsonb_build_object('applied', false, 'reason', v_reason);
    end if;

    begin
        -- Inserting claims the key and the session: a second call with either waits here until the first has

-- @instead of
        on conflict do nothing
-- @write
