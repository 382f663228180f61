-- title:           Opening a checkout queues up on an advisory lock and then looks for its key
-- class:           check_before_lock
-- operation:       create_credit_purchase
-- hurts:           a client at a higher isolation level: a raw error; without the index, two checkouts to pay
-- caught-by:       race same_checkout_key_repeatable_read
-- unmask:          alter table lead_marketplace.credit_purchases drop constraint credit_purchase_request_key_once
-- caught-unmasked: race same_checkout_key_repeatable_read
-- changes:         functions/create_credit_purchase.sql
--
-- This is right at read committed, where each statement sees what has committed before it. At repeatable read the
-- transaction sees what had committed before it began, and that was before the lock: the look comes first after all.

-- @instead of
    -- Inserting claims the key: a second call with it waits here until the first has committed or is gone.
    insert into lead_marketplace.credit_purchases as purchase (workspace_id, credits, request_key)
    values (p_workspace_id, p_credits, p_request_key)
    on conflict (request_key) do nothing
    returning purchase.* into v_purchase;
-- @write
    -- One at a time per key, so looking before inserting is safe.
    perform pg_advisory_xact_lock(hashtextextended(p_request_key::text, 0));
    select purchase.*
    into v_purchase
    from lead_marketplace.credit_purchases as purchase
    where purchase.request_key = p_request_key;

-- @instead of
        select purchase.*
        into strict v_purchase
        from lead_marketplace.credit_purchases as purchase
        where purchase.request_key = p_request_key;

        if (v_purchase.workspace_id, v_purchase.credits) <> (p_workspace_id, p_credits) then
            raise exception 'Request key was used with other arguments: %', p_request_key;
        end if;
-- @write
        insert into lead_marketplace.credit_purchases as purchase (workspace_id, credits, request_key)
        values (p_workspace_id, p_credits, p_request_key)
        returning purchase.* into v_purchase;
        return v_purchase.id;
    end if;

    if (v_purchase.workspace_id, v_purchase.credits) <> (p_workspace_id, p_credits) then
        raise exception 'Request key was used with other arguments: %', p_request_key;
