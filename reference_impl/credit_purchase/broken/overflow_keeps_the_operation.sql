-- title:     A purchase that doesn't fit is refused and written down as done
-- class:     partial_write
-- operation: apply_credit_purchase
-- hurts:     the buyer: when there is room again, the payment counts as processed
-- caught-by: contract applied_means_credited, audit completed_payment_has_entry
-- changes:   functions/apply_credit_purchase.sql
--
-- The block that an error undoes is as small as it can be, and leaves the operation outside.

-- @instead of
            perform credit_purchase.post_credit_entry(v_operation);
            v_reason := 'applied';
-- @write
            v_reason := 'applied';
            begin
                perform credit_purchase.post_credit_entry(v_operation);
            exception
                when sqlstate 'CP001' then
                    v_reason := sqlerrm;
            end;
