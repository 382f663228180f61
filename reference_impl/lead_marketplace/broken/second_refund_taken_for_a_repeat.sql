-- title:     A second Stripe refund of a purchase is taken for a repeat of the first
-- class:     key_reused_for_other_arguments
-- operation: settle_card_refund
-- hurts:     the marketplace: the money left twice and the books know of one time
-- caught-by: contract card_refund_settled_once

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
