-- title:     Opening a checkout looks for its key first, and leaves the rest to the index
-- class:     raw_unique_violation
-- operation: create_credit_purchase
-- hurts:     a client that sent its request again: it gets a raw unique violation instead of its checkout
-- caught-by: race same_checkout_key_twice,
--            race same_checkout_key_repeatable_read
-- changes:   functions/create_credit_purchase.sql
--
-- The index keeps the data right. The second caller gets an error that looks like a broken server, and nothing tells it
-- that its checkout is open.

-- @instead of
    end if;

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
-- @write
    end if;

    select purchase.*
    into v_purchase
    from lead_marketplace.credit_purchases as purchase
    where purchase.request_key = p_request_key;

    if found then
        if (v_purchase.workspace_id, v_purchase.credits) <> (p_workspace_id, p_credits) then

-- @instead of
    end if;
    return v_purchase.id;
-- @write
        return v_purchase.id;
    end if;

    insert into lead_marketplace.credit_purchases as purchase (workspace_id, credits, request_key)
    values (p_workspace_id, p_credits, p_request_key)
    returning purchase.* into v_purchase;
    return v_purchase.id;
