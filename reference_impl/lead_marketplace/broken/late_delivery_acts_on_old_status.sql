-- title:           A late delivery looks again whether its purchase is completed, and not whether it was paid back
-- class:           status_acted_on_twice
-- operation:       complete_stripe_lead_purchase
-- hurts:           the shop, which pays the same money back twice
-- caught-by:       race late_delivery_against_card_refund
-- unmask:          alter table lead_marketplace.marketplace_purchases drop constraint purchase_refunded_time
-- unmask:          alter table lead_marketplace.marketplace_purchases drop constraint purchase_refund_evidence
-- unmask:          alter table lead_marketplace.marketplace_purchases drop constraint purchase_completed_time
-- caught-unmasked: race late_delivery_against_card_refund,
--                  audit unfinished_purchase_sold_nothing
-- changes:         functions/complete_stripe_lead_purchase.sql
--
-- The purchase is read without a lock. Two deliveries at once are thought of: the second one looks once more. A refund
-- that came in too is not, and the delivery that still believes in "pending" marks the money as owed again.

-- @instead of
    -- This row lock puts two deliveries of one event in a line; the second finds the purchase completed.
-- @write

-- @instead of
    where purchase.id = p_purchase_id
    for no key update;
-- @write
    where purchase.id = p_purchase_id;

-- @instead of
        end if;
    end if;
-- @write
        end if;

        -- Sold meanwhile, maybe by another delivery of this payment.
        if exists (
            select 1
            from lead_marketplace.marketplace_purchases as purchase
            where purchase.id = p_purchase_id and purchase.status = 'completed'
        ) then
            return query select true, true, v_lead_ids;
            return;
        end if;
    end if;
