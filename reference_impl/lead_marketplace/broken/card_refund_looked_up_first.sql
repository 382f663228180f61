-- title:           Recording a card refund looks whether it was used, instead of relying on the index
-- class:           raw_unique_violation
-- operation:       settle_card_refund
-- hurts:           support: the second record fails with a raw unique violation; without the index, two purchases count
--                  as paid back by one refund
-- caught-by:       race one_card_refund_for_two_purchases
-- unmask:          alter table lead_marketplace.marketplace_purchases drop constraint purchase_refund_once
-- caught-unmasked: race one_card_refund_for_two_purchases
-- changes:         functions/settle_card_refund.sql
--
-- Looking first sees nothing of a record that has not committed yet.

-- @instead of
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
-- @write
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
