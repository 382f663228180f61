-- title:     A settlement looks its key up before it inserts, and expects none to come in between
-- class:     raw_unique_violation
-- operation: settle_credits
-- hurts:     a worker that has sent its settlement again: it gets a raw error and reports the job as failed
-- caught-by: race settlement_sent_twice, race one_key_settles_and_refunds
-- changes:   functions/settle_credits.sql
--
-- The primary key keeps the data right. The second of two calls at once gets an error that looks like a broken
-- server.

-- @instead of
    begin
        -- Inserting claims the key, as in apply_credit_purchase.
-- @write
    v_reason := credit_purchase.reason_not_recorded(
        p_user_id, 'settle', p_amount, p_idempotency_key, p_reservation_key => p_reservation_key
    );
    if v_reason <> 'reservation_not_found' then
        return jsonb_build_object('applied', false, 'reason', v_reason);
    end if;

    begin
        -- Inserting claims the key, as in apply_credit_purchase.

-- @instead of
        on conflict do nothing
-- @write
