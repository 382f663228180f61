-- title:           A purchase is looked up by its key and inserted if there is none
-- class:           unique_missing_on_key
-- operation:       create_lead_purchase
-- hurts:           a buyer with two purchases of one basket, who may pay both; with the index, the second call fails
-- caught-by:       race same_purchase_key_twice
-- unmask:          alter table lead_marketplace.marketplace_purchases drop constraint purchase_request_key_once
-- caught-unmasked: race same_purchase_key_twice,
--                  lint key_without_unique
--
-- Looking first and inserting afterwards is safe only if the index is there to say no, and then its no must be
-- answered.

create or replace function lead_marketplace.create_lead_purchase(
    p_lead_ids uuid[],
    p_buyer_workspace_id uuid,
    p_payment_method text,
    p_request_key uuid default null
)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_purchase lead_marketplace.marketplace_purchases;
    v_available integer;
    v_price numeric;
begin
    perform lead_marketplace.check_lead_ids(p_lead_ids);
    if p_payment_method is null or p_payment_method not in ('credits', 'card') then
        raise exception 'Unknown payment method: %', p_payment_method;
    elsif not exists (
        select 1 from lead_marketplace.workspaces as workspace where workspace.id = p_buyer_workspace_id
    ) then
        raise exception 'Workspace not found: %', p_buyer_workspace_id;
    end if;

    select purchase.*
    into v_purchase
    from lead_marketplace.marketplace_purchases as purchase
    where purchase.request_key = p_request_key;

    if found then
        if v_purchase.buyer_workspace_id <> p_buyer_workspace_id
            or v_purchase.payment_method <> p_payment_method
            or array(
                select item.lead_id
                from lead_marketplace.marketplace_purchase_items as item
                where item.purchase_id = v_purchase.id
                order by item.lead_id
            ) <> array(select given.lead_id from unnest(p_lead_ids) as given (lead_id) order by given.lead_id)
        then
            raise exception 'Request key was used with other arguments: %', p_request_key;
        end if;
        return v_purchase.id;
    end if;

    insert into lead_marketplace.marketplace_purchases as purchase (buyer_workspace_id, payment_method, request_key)
    values (p_buyer_workspace_id, p_payment_method, p_request_key)
    returning purchase.* into v_purchase;

    -- No lock on the leads: one statement sees them all at one moment, and nothing is claimed.
    with item as (
        insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
        select v_purchase.id, lead.id, lead.marketplace_price
        from lead_marketplace.leads as lead
        where lead.id = any(p_lead_ids) and lead.for_sale
        order by lead.id
        returning price
    )
    select count(*), sum(item.price) into v_available, v_price from item;

    -- Raising undoes the purchase and frees its key.
    if v_available < cardinality(p_lead_ids) then
        raise exception 'Some leads are no longer available for purchase. Requested: %, Available: %',
            cardinality(p_lead_ids), v_available;
    elsif v_price > 9999999999.99 then
        raise exception 'Price is too large: %', v_price;
    end if;
    return v_purchase.id;
end;
$$;
