-- Record that a card payment was paid back at Stripe: a payment that came too late (refund_due), or one for
-- a completed purchase. The leads of a completed purchase stay sold.
--
-- The purchase is the key. The same refund again answers as the first time, with already_refunded.

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

alter function lead_marketplace.settle_card_refund(uuid, text) owner to lead_marketplace_owner;
revoke all on function lead_marketplace.settle_card_refund(uuid, text)
from public, anon, authenticated, service_role;
grant execute on function lead_marketplace.settle_card_refund(uuid, text) to service_role;
