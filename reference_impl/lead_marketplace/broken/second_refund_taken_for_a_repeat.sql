-- title:     A second Stripe refund of a purchase is taken for a repeat of the first
-- class:     key_reused_for_other_arguments
-- operation: settle_card_refund
-- hurts:     the marketplace: the money left twice and the books know of one time
-- caught-by: contract card_refund_settled_once,
--            race two_card_refunds_of_one_purchase
-- changes:   functions/settle_card_refund.sql

-- @instead of
    elsif v_purchase.status = 'refunded' and v_purchase.stripe_refund_id <> p_stripe_refund_id then
        raise exception 'Purchase was refunded by another Stripe refund: %', p_purchase_id;
-- @write
