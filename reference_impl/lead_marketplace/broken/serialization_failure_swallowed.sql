-- title:     Opening a checkout takes any error of its insert for a key that was used
-- class:     exception_swallowed
-- operation: create_credit_purchase
-- hurts:     a client at a higher isolation level, told that its key is taken where it should try again
-- caught-by: race same_checkout_key_repeatable_read,
--            lint retryable_as_refusal
-- changes:   functions/create_credit_purchase.sql
--
-- At repeatable read the second of two inserts with one key raises 40001, which means: nothing happened, try again. The
-- handler makes it a final no, in words that are not even true.

-- @instead of
    -- Inserting claims the key: a second call with it waits here until the first has committed or is gone.
    insert into lead_marketplace.credit_purchases as purchase (workspace_id, credits, request_key)
    values (p_workspace_id, p_credits, p_request_key)
    on conflict (request_key) do nothing
    returning purchase.* into v_purchase;
-- @write
    begin
        insert into lead_marketplace.credit_purchases as purchase (workspace_id, credits, request_key)
        values (p_workspace_id, p_credits, p_request_key)
        on conflict (request_key) do nothing
        returning purchase.* into v_purchase;
    exception
        when others then
            raise exception 'Request key was used with other arguments: %', p_request_key;
    end;
