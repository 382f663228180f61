-- title:           A card payment sells the leads that its buyer validated, whoever has bought them since
-- class:           lock_split_across_calls
-- operation:       complete_stripe_lead_purchase
-- hurts:           two buyers pay for one lead by card, and nobody owes either the money back
-- caught-by:       race validate_then_complete,
--                  race overlapping_baskets_opposite_order,
--                  race credit_against_card,
--                  contract late_card_payment_owed_back
-- unmask:          alter table lead_marketplace.leads drop constraint lead_sold_once
-- unmask:          drop index lead_marketplace.lead_sold_by_one_purchase
-- caught-unmasked: race validate_then_complete,
--                  race overlapping_baskets_opposite_order,
--                  race credit_against_card,
--                  audit item_sold_once,
--                  audit item_sold_by_one_purchase
-- changes:         functions/complete_stripe_lead_purchase.sql
--
-- Between validation and the webhook lie the minutes in which the buyer types a card number. The lock that validation
-- took is gone since its first moment.

-- @instead of
        -- The check that counts, as in complete_credit_lead_purchase.
        if lead_marketplace.lock_leads(v_lead_ids) = cardinality(v_lead_ids) then
            perform lead_marketplace.sell_leads(p_purchase_id, v_lead_ids);

            update lead_marketplace.marketplace_purchases as purchase
            set
                status = 'completed',
                completed_at = now(),
                download_url = p_download_url,
                download_expires_at = now() + interval '90 days'
            where purchase.id = p_purchase_id
            returning purchase.id into strict v_purchase.id;

            return query select true, false, v_lead_ids;
            return;
        end if;
-- @write
        -- The leads were locked and looked at by validate_and_lock_leads_for_purchase.
        perform lead_marketplace.sell_leads(p_purchase_id, v_lead_ids);

        update lead_marketplace.marketplace_purchases as purchase
        set
            status = 'completed',
            completed_at = now(),
            download_url = p_download_url,
            download_expires_at = now() + interval '90 days'
        where purchase.id = p_purchase_id
        returning purchase.id into strict v_purchase.id;

        return query select true, false, v_lead_ids;
        return;
