-- title:     A transfer whose second leg fails keeps its first
-- class:     exception_swallowed
-- operation: credits_transfer
-- hurts:     the receiver: the credits have left the sender and arrived nowhere
-- caught-by: contract balance_has_a_ceiling, lint retryable_as_refusal
-- changes:   functions/move_credits.sql
--
-- What the source did by two calls: each leg was a transaction of its own, and the first stayed when the second
-- failed.

-- @instead of
    perform peer_booking.post_credit_entry(
        p_transfer.to_user_id, p_transfer.amount, v_earn_type,
        p_transfer.description, v_reference_id, v_reference_type, p_transfer_id => p_transfer.id
    );
-- @write
    begin
        perform peer_booking.post_credit_entry(
            p_transfer.to_user_id, p_transfer.amount, v_earn_type,
            p_transfer.description, v_reference_id, v_reference_type, p_transfer_id => p_transfer.id
        );
    exception
        when others then
            raise warning 'second leg failed: %', sqlerrm;
    end;
