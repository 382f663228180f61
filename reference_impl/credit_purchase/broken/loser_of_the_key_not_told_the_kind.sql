-- title:     A reservation that lost the race for its key takes itself for a repeat
-- class:     key_reused_for_other_arguments
-- operation: reserve_credits
-- hurts:     the shop: a job starts because a purchase with the job's key was processed
-- caught-by: race one_key_two_kinds
-- changes:   functions/reserve_credits.sql
--
-- The key was compared before the insert, and nobody had it. Who has it now, and for what, is not asked.

-- @instead of
    begin
        -- Inserting claims the key, as in apply_credit_purchase.
-- @write
    v_reason := credit_purchase.reason_not_recorded(p_user_id, 'reserve', p_amount, p_idempotency_key);
    if v_reason <> 'user_profile_not_found' then
        return jsonb_build_object('applied', false, 'reason', v_reason);
    end if;

    begin
        -- Inserting claims the key, as in apply_credit_purchase.

-- @instead of
            v_reason := credit_purchase.reason_not_recorded(p_user_id, 'reserve', p_amount, p_idempotency_key);
        end if;
-- @write
            v_reason := credit_purchase.reason_not_recorded(p_user_id, 'reserve', p_amount, p_idempotency_key);
            if v_reason = 'idempotency_key_conflict' then
                v_reason := 'idempotency_key_already_processed';
            end if;
        end if;
