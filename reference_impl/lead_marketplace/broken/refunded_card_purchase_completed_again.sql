-- title:     A late delivery completes a card purchase that was paid back
-- class:     state_not_rechecked
-- operation: complete_stripe_lead_purchase
-- hurts:     the marketplace: the buyer has the money back and gets the download all the same
-- caught-by: contract refunded_purchase_stays_refunded
--
-- A refunded purchase is taken for a completed one, and the delivery for a repeat.

create or replace function lead_marketplace.complete_stripe_lead_purchase(
    p_purchase_id uuid,
    p_download_url text default null
)
returns table (success boolean, already_completed boolean, lead_ids_marked uuid[])
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_purchase lead_marketplace.marketplace_purchases;
    v_lead_ids uuid[];
begin
    -- This row lock puts two deliveries of one event in a line; the second finds the purchase completed.
    select purchase.*
    into v_purchase
    from lead_marketplace.marketplace_purchases as purchase
    where purchase.id = p_purchase_id
    for no key update;

    v_lead_ids := array(
        select item.lead_id
        from lead_marketplace.marketplace_purchase_items as item
        where item.purchase_id = p_purchase_id
        order by item.lead_id
    );

    if v_purchase.id is null then
        raise exception 'Purchase not found: %', p_purchase_id;
    elsif v_purchase.payment_method <> 'card' then
        raise exception 'Purchase is not paid by card: %', p_purchase_id;
    elsif cardinality(v_lead_ids) = 0 then
        raise exception 'No leads found for purchase: %', p_purchase_id;
    end if;

    if v_purchase.status in ('completed', 'refunded') then
        if v_purchase.download_url is distinct from p_download_url then
            raise exception 'Purchase was completed with another download URL: %', p_purchase_id;
        end if;
        return query select true, true, v_lead_ids;
        return;
    end if;

    if v_purchase.status = 'pending' and v_purchase.expires_at > now() then
        -- The check that counts, as in complete_credit_lead_purchase.
        if lead_marketplace.lock_leads(v_lead_ids) = cardinality(v_lead_ids) then
            perform lead_marketplace.sell_leads(p_purchase_id, v_lead_ids);

            update lead_marketplace.marketplace_purchases as purchase
            set
                status = 'completed',
                completed_at = now(),
                download_url = p_download_url,
                download_expires_at = now() + interval '90 days'
            where purchase.id = p_purchase_id
            returning purchase.id into strict v_purchase.id;

            return query select true, false, v_lead_ids;
            return;
        end if;
    end if;

    if v_purchase.status in ('pending', 'failed') then
        update lead_marketplace.marketplace_purchases as purchase
        set status = 'refund_due'
        where purchase.id = p_purchase_id
        returning purchase.id into strict v_purchase.id;
    end if;
    return query select false, false, array[]::uuid[];
end;
$$;
