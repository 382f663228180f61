-- title:     A purchase catches the unique violation and looks up what it has met
-- class:     raw_unique_violation
-- operation: apply_credit_purchase
-- hurts:     a buyer whose payment is handled at repeatable read: the shop hears that there is no such user
-- caught-by: race purchase_delivered_twice_repeatable_read
-- changes:   functions/apply_credit_purchase.sql
--
-- At read committed the look-up sees the row, and every reason is right. At repeatable read it does not see what the
-- index has seen, so nothing seems to have been in the way but a missing profile. ON CONFLICT raises 40001 there.

-- @instead of
        on conflict do nothing
        returning operation.* into v_operation;
-- @write
        returning operation.* into v_operation;

-- @instead of
        when sqlstate 'CP001' then
            v_reason := sqlerrm;
-- @write
        when sqlstate 'CP001' then
            v_reason := sqlerrm;
        when unique_violation then
            v_reason := credit_purchase.reason_not_recorded(
                p_user_id, 'purchase', p_amount, p_idempotency_key, p_stripe_session_id => p_stripe_session_id
            );
