-- title:     A purchase that lost the race for its key takes the winner for another payment
-- class:     check_before_lock
-- operation: apply_credit_purchase
-- hurts:     the webhook: one of two deliveries at once is reported as a misuse of its key
-- caught-by: race purchase_delivered_twice
-- changes:   functions/apply_credit_purchase.sql
--
-- A repeat was looked for before the insert, and none was there. So what the insert has met can't be a repeat.

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
                p_user_id, 'purchase', p_amount, p_idempotency_key, p_stripe_session_id => p_stripe_session_id
            );
        end if;
-- @write
                p_user_id, 'purchase', p_amount, p_idempotency_key, p_stripe_session_id => p_stripe_session_id
            );
            if v_reason = 'idempotency_key_already_processed' then
                v_reason := 'idempotency_key_conflict';
            end if;
        end if;
