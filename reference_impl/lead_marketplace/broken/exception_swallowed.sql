-- title:     A refund that fails is reported as done
-- class:     exception_swallowed
-- operation: refund_lead_purchase
-- hurts:     the buyer: the purchase says refunded and the credits never came
-- caught-by: contract balance_has_a_ceiling, lint retryable_as_refusal, audit refunded_purchase_has_refund
-- changes:   functions/refund_lead_purchase.sql

-- @instead of
    new_credit_balance := lead_marketplace.post_credit_entry(
        p_workspace_id, v_charged, 'refund', p_purchase_id => p_purchase_id
    );
-- @write
    begin
        new_credit_balance := lead_marketplace.post_credit_entry(
            p_workspace_id, v_charged, 'refund', p_purchase_id => p_purchase_id
        );
    exception
        when others then
            null;
    end;
