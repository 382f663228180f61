-- title:     Another payment under a used key is taken for a repeat
-- class:     key_reused_for_other_arguments
-- operation: apply_credit_purchase
-- hurts:     the buyer whose second payment of the same amount is reported as processed and never credited
-- caught-by: contract payment_credited_once
-- changes:   functions/reason_not_recorded.sql

-- @instead of
                    operation.amount,
                    operation.stripe_session_id,
                    operation.reservation_key
                ) is not distinct from (
                    p_user_id, p_operation_type, p_amount, p_stripe_session_id, p_reservation_key
                )
-- @write
                    operation.amount,
                    operation.reservation_key
                ) is not distinct from (
                    p_user_id, p_operation_type, p_amount, p_reservation_key
                )
