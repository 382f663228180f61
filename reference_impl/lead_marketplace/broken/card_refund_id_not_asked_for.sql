-- title:     A card refund is recorded without saying which
-- class:     null_passes_check
-- operation: settle_card_refund
-- hurts:     whoever reconciles with Stripe: a refund that nothing at Stripe stands for
-- caught-by: contract card_refund_settled_once
-- changes:   functions/settle_card_refund.sql
--
-- A blank id is as good as any to the column. A missing one ends in the error of a constraint, which no caller
-- can make sense of.

-- @instead of
    if p_stripe_refund_id is null or btrim(p_stripe_refund_id) = '' then
        raise exception 'Stripe refund id is missing';
    end if;

-- @write
