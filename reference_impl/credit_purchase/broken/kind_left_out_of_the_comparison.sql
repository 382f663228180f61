-- title:     A key that was used for one kind of operation is taken for a repeat of another
-- class:     key_reused_for_other_arguments
-- operation: refund_credits
-- hurts:     the user whose credits are reported as given back, because as many of them were settled
-- caught-by: contract key_names_one_operation
-- changes:   functions/reason_not_recorded.sql

-- @instead of
                    operation.user_id,
                    operation.operation_type,
-- @write
                    operation.user_id,

-- @instead of
                    p_user_id, p_operation_type, p_amount, p_stripe_session_id, p_reservation_key
-- @write
                    p_user_id, p_amount, p_stripe_session_id, p_reservation_key
