-- title:     A refund that lost the race for its key takes the winner for another request
-- class:     check_before_lock
-- operation: refund_credits
-- hurts:     a worker that has sent its refund again: it is told that its key was misused
-- caught-by: race refund_sent_twice
-- changes:   functions/refund_credits.sql
--
-- A repeat was looked for before the insert, and none was there. So what the insert has met can't be a repeat.

-- @instead of
    begin
        -- Inserting claims the key, as in apply_credit_purchase.
-- @write
    v_reason := credit_purchase.reason_not_recorded(
        p_user_id, 'refund', p_amount, p_idempotency_key, p_reservation_key => p_reservation_key
    );
    if v_reason <> 'reservation_not_found' then
        return jsonb_build_object('applied', false, 'reason', v_reason);
    end if;

    begin
        -- Inserting claims the key, as in apply_credit_purchase.

-- @instead of
                p_user_id, 'refund', p_amount, p_idempotency_key, p_reservation_key => p_reservation_key
            );
        end if;
-- @write
                p_user_id, 'refund', p_amount, p_idempotency_key, p_reservation_key => p_reservation_key
            );
            if v_reason = 'idempotency_key_already_processed' then
                v_reason := 'idempotency_key_conflict';
            end if;
        end if;
