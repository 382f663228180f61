-- title:     The webhook says how many credits a payment buys
-- class:     amount_from_caller
-- operation: complete_stripe_credit_purchase
-- hurts:     the marketplace: a tampered checkout pays for 500 credits and receives 5000
-- caught-by: contract top_up_credited_once, audit completed_payment_has_entry
-- changes:   functions/complete_stripe_credit_purchase.sql

-- @instead of
    elsif v_purchase.credits <> p_credits then
        raise exception 'Credit amount differs from the credit purchase. Given: %, Required: %',
            p_credits, v_purchase.credits;
-- @write
