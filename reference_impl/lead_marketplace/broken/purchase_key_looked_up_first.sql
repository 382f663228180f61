-- title:           A purchase is looked up by its key and inserted if there is none
-- class:           unique_missing_on_key
-- operation:       create_lead_purchase
-- hurts:           a buyer with two purchases of one basket, who may pay both; with the index, the second call fails
-- caught-by:       race same_purchase_key_twice
-- unmask:          alter table lead_marketplace.marketplace_purchases drop constraint purchase_request_key_once
-- caught-unmasked: race same_purchase_key_twice,
--                  lint key_without_unique
-- changes:         functions/create_lead_purchase.sql
--
-- Looking first and inserting afterwards is safe only if the index is there to say no, and then its no must be
-- answered.

-- @instead of
    end if;

    -- Inserting claims the key: a second call with it waits here until the first has committed or is gone.
    insert into lead_marketplace.marketplace_purchases as purchase (buyer_workspace_id, payment_method, request_key)
    values (p_buyer_workspace_id, p_payment_method, p_request_key)
    on conflict (request_key) do nothing
    returning purchase.* into v_purchase;

    if not found then
        select purchase.*
        into strict v_purchase
        from lead_marketplace.marketplace_purchases as purchase
        where purchase.request_key = p_request_key;

        if v_purchase.buyer_workspace_id <> p_buyer_workspace_id
-- @write
    end if;

    select purchase.*
    into v_purchase
    from lead_marketplace.marketplace_purchases as purchase
    where purchase.request_key = p_request_key;

    if found then
        if v_purchase.buyer_workspace_id <> p_buyer_workspace_id

-- @instead of
        return v_purchase.id;
    end if;

    -- No lock on the leads: one statement sees them all at one moment, and nothing is claimed.
-- @write
        return v_purchase.id;
    end if;

    insert into lead_marketplace.marketplace_purchases as purchase (buyer_workspace_id, payment_method, request_key)
    values (p_buyer_workspace_id, p_payment_method, p_request_key)
    returning purchase.* into v_purchase;

    -- No lock on the leads: one statement sees them all at one moment, and nothing is claimed.
