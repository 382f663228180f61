-- title:     A purchase is written down with the leads that are left, after all of them were counted
-- class:     check_then_act
-- operation: create_lead_purchase
-- hurts:     a buyer whose purchase silently lacks the lead that was sold in between
-- caught-by: race validate_then_complete
-- changes:   functions/create_lead_purchase.sql
--
-- Counting is one statement and writing another, and each sees the leads as they are at its own moment. One statement
-- that writes and counts what it wrote has no gap.

-- @instead of
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
-- @write
    select count(*), sum(lead.marketplace_price)
    into v_available, v_price
    from lead_marketplace.leads as lead
    where lead.id = any(p_lead_ids) and lead.for_sale;

-- @instead of
    end if;
    return v_purchase.id;
-- @write
    end if;

    insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
    select v_purchase.id, lead.id, lead.marketplace_price
    from lead_marketplace.leads as lead
    where lead.id = any(p_lead_ids) and lead.for_sale
    order by lead.id;
    return v_purchase.id;
