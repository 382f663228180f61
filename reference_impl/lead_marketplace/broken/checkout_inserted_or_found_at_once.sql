-- title:     Opening a checkout inserts it or finds it by its key, both in one statement
-- class:     check_before_lock
-- operation: create_credit_purchase
-- hurts:     a client that sent its request again: it gets no checkout at all, and no error either
-- caught-by: race same_checkout_key_twice
-- changes:   functions/create_credit_purchase.sql
--
-- A statement sees what had committed when it began. The insert waits for the other request and then does nothing; the
-- select beside it still looks at the time before the wait, and finds nothing to return.

-- @instead of
    -- Inserting claims the key: a second call with it waits here until the first has committed or is gone.
    insert into lead_marketplace.credit_purchases as purchase (workspace_id, credits, request_key)
    values (p_workspace_id, p_credits, p_request_key)
    on conflict (request_key) do nothing
    returning purchase.* into v_purchase;

    if not found then
        select purchase.*
        into strict v_purchase
        from lead_marketplace.credit_purchases as purchase
        where purchase.request_key = p_request_key;

        if (v_purchase.workspace_id, v_purchase.credits) <> (p_workspace_id, p_credits) then
            raise exception 'Request key was used with other arguments: %', p_request_key;
        end if;
-- @write
    with inserted as (
        insert into lead_marketplace.credit_purchases as purchase (workspace_id, credits, request_key)
        values (p_workspace_id, p_credits, p_request_key)
        on conflict (request_key) do nothing
        returning purchase.*
    )

    select one.*
    into v_purchase
    from (
        select inserted.* from inserted
        union all
        select purchase.*
        from lead_marketplace.credit_purchases as purchase
        where purchase.request_key = p_request_key
    ) as one;

    if (v_purchase.workspace_id, v_purchase.credits) <> (p_workspace_id, p_credits) then
        raise exception 'Request key was used with other arguments: %', p_request_key;
