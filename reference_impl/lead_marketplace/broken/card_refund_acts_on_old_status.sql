-- title:     Recording a card refund reads the purchase without a lock
-- class:     status_acted_on_twice
-- operation: settle_card_refund
-- hurts:     the shop: two people pay one purchase back at Stripe, and only the second refund is on record
-- caught-by: race two_card_refunds_of_one_purchase
--
-- Both read "completed", both record their refund, and the second overwrites the first.

create or replace function lead_marketplace.settle_card_refund(
    p_purchase_id uuid,
    p_stripe_refund_id text
)
returns table (success boolean, already_refunded boolean)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_purchase lead_marketplace.marketplace_purchases;
begin
    if p_stripe_refund_id is null or btrim(p_stripe_refund_id) = '' then
        raise exception 'Stripe refund id is missing';
    end if;

    select purchase.*
    into v_purchase
    from lead_marketplace.marketplace_purchases as purchase
    where purchase.id = p_purchase_id;

    if v_purchase.id is null then
        raise exception 'Purchase not found: %', p_purchase_id;
    elsif v_purchase.payment_method <> 'card' then
        raise exception 'Purchase is not paid by card: %', p_purchase_id;
    elsif v_purchase.status = 'refunded' and v_purchase.stripe_refund_id <> p_stripe_refund_id then
        raise exception 'Purchase was refunded by another Stripe refund: %', p_purchase_id;
    elsif v_purchase.status not in ('completed', 'refund_due', 'refunded') then
        raise exception 'Purchase cannot be refunded. Status: %', v_purchase.status;
    end if;

    if v_purchase.status = 'refunded' then
        return query select true, true;
        return;
    end if;

    begin
        update lead_marketplace.marketplace_purchases as purchase
        set status = 'refunded', refunded_at = now(), stripe_refund_id = p_stripe_refund_id
        where purchase.id = p_purchase_id
        returning purchase.id into strict v_purchase.id;
    exception
        -- stripe_refund_id is the only unique column here that changes, so this says which one it was.
        when unique_violation then
            raise exception 'Stripe refund was used for another purchase: %', p_stripe_refund_id;
    end;
    return query select true, false;
end;
$$;
