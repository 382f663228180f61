-- title:           Recording a card refund looks whether it was used, instead of relying on the index
-- class:           raw_unique_violation
-- operation:       settle_card_refund
-- hurts:           support: the second record fails with a raw unique violation; without the index, two purchases count
--                  as paid back by one refund
-- caught-by:       race one_card_refund_for_two_purchases
-- unmask:          alter table lead_marketplace.marketplace_purchases drop constraint purchase_refund_once
-- caught-unmasked: race one_card_refund_for_two_purchases
--
-- Looking first sees nothing of a record that has not committed yet.

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
    where purchase.id = p_purchase_id
    for no key update;

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

    if exists (
        select 1
        from lead_marketplace.marketplace_purchases as purchase
        where purchase.stripe_refund_id = p_stripe_refund_id
    ) then
        raise exception 'Stripe refund was used for another purchase: %', p_stripe_refund_id;
    end if;

    update lead_marketplace.marketplace_purchases as purchase
    set status = 'refunded', refunded_at = now(), stripe_refund_id = p_stripe_refund_id
    where purchase.id = p_purchase_id
    returning purchase.id into strict v_purchase.id;
    return query select true, false;
end;
$$;
