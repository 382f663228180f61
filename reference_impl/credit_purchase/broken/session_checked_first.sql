-- title:     A purchase looks for its Stripe session before it inserts anything
-- class:     check_then_act
-- operation: apply_credit_purchase
-- hurts:     whoever retries: the same call hears one reason or another, as it happens to overlap or not
-- caught-by: contract payment_credited_once, contract purchase_reasons_in_order, race purchase_delivered_twice
-- changes:   functions/apply_credit_purchase.sql
--
-- The source's first fault. The check seems to save an insert. It answers a replay with the reason for a duplicate,
-- except while the first call hasn't committed: then it sees nothing, and the insert finds the other reason.

-- @instead of
    begin
        -- Inserting claims the key and the session: a second call with either waits here until the first has
-- @write
    if exists (
        select 1
        from credit_purchase.credit_operations as operation
        where operation.stripe_session_id = p_stripe_session_id
    ) then
        return jsonb_build_object('applied', false, 'reason', 'stripe_session_already_processed');
    end if;

    begin
        -- Inserting claims the key and the session: a second call with either waits here until the first has
