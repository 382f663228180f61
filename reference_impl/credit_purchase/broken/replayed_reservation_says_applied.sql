-- title:     A repeated reservation says "applied" like the first
-- class:     not_idempotent
-- operation: reserve_credits
-- hurts:     the shop: the worker that sent it again starts the job again, on credits taken once
-- caught-by: contract credits_reserved_once
-- changes:   functions/reserve_credits.sql

-- @instead of
            v_reason := credit_purchase.reason_not_recorded(p_user_id, 'reserve', p_amount, p_idempotency_key);
        end if;
-- @write
            v_reason := credit_purchase.reason_not_recorded(p_user_id, 'reserve', p_amount, p_idempotency_key);
            if v_reason = 'idempotency_key_already_processed' then
                v_reason := 'applied';
            end if;
        end if;
