-- title:           A top-up is credited and its own row isn't hit by the update
-- class:           row_count_ignored
-- operation:       complete_stripe_credit_purchase
-- hurts:           the marketplace: the top-up looks unpaid, and the next delivery credits it again
-- caught-by:       contract top_up_credited_once, race replayed_top_up, audit unfinished_payment_not_credited,
--                  race top_up_against_purchase
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_request_key_once
-- caught-unmasked: contract top_up_credited_once, race replayed_top_up, audit unfinished_payment_not_credited,
--                  audit payment_credited_once
-- changes:         functions/complete_stripe_credit_purchase.sql

-- @instead of
    where purchase.id = p_credit_purchase_id
    returning purchase.id into strict v_purchase.id;
-- @write
    where purchase.id = p_credit_purchase_id and purchase.status = 'paid';
