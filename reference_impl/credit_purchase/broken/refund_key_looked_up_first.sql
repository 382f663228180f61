-- title:     A refund looks its key up before it inserts, and expects none to come in between
-- class:     raw_unique_violation
-- operation: refund_credits
-- hurts:     a worker that has sent its refund again: it gets a raw error and can't tell that it was made
-- caught-by: race refund_sent_twice, race one_key_settles_and_refunds
-- changes:   functions/refund_credits.sql
--
-- The primary key keeps the data right. The second of two calls at once gets an error that looks like a broken
-- server.

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
        on conflict do nothing
-- @write
