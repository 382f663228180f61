-- title:     A purchase that lost the race for its key takes itself for a repeat
-- class:     key_reused_for_other_arguments
-- operation: apply_credit_purchase
-- hurts:     the buyer whose payment is reported as processed and never credited
-- caught-by: race one_key_two_payments
-- changes:   functions/apply_credit_purchase.sql
--
-- The key was compared before the insert, and nobody had it. Who has it now is not asked.

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
            if v_reason = 'idempotency_key_conflict' and exists (
                select 1
                from credit_purchase.credit_operations as operation
                where operation.idempotency_key = p_idempotency_key and operation.operation_type = 'purchase'
            ) then
                v_reason := 'idempotency_key_already_processed';
            end if;
        end if;
