-- title:           Card payments queue up among themselves and look at the leads without a lock
-- class:           check_then_act
-- operation:       complete_stripe_lead_purchase
-- hurts:           a buyer by card and a buyer with credits both get one lead
-- caught-by:       race credit_against_card
-- unmask:          alter table lead_marketplace.leads drop constraint lead_sold_once
-- unmask:          drop index lead_marketplace.lead_sold_by_one_purchase
-- caught-unmasked: race credit_against_card,
--                  audit item_sold_once,
--                  audit item_sold_by_one_purchase
--
-- One webhook at a time is safe against other webhooks. It isn't against complete_credit_lead_purchase, which knows
-- nothing of that advisory lock and sells the same leads.

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
    -- One delivery at a time.
    perform pg_advisory_xact_lock(hashtext('complete_stripe_lead_purchase'));

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

    if v_purchase.status = 'completed' then
        if v_purchase.download_url is distinct from p_download_url then
            raise exception 'Purchase was completed with another download URL: %', p_purchase_id;
        end if;
        return query select true, true, v_lead_ids;
        return;
    end if;

    if v_purchase.status = 'pending' and v_purchase.expires_at > now() then
        if cardinality(v_lead_ids) = (
            select count(*) from lead_marketplace.leads as lead where lead.id = any(v_lead_ids) and lead.for_sale
        ) then
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
