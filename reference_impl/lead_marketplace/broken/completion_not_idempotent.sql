-- title:           A replayed credit completion charges again
-- class:           not_idempotent
-- operation:       complete_credit_lead_purchase
-- hurts:           the buyer, who pays twice because the answer to the first call was lost
-- caught-by:       contract credit_completion_charges_once, contract purchases_expire, race one_buyer_twice
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_request_key_once
-- unmask:          alter table lead_marketplace.leads drop constraint lead_sold_once
-- caught-unmasked: contract credit_completion_charges_once, contract purchases_expire, race one_buyer_twice,
--                  audit completed_credit_purchase_charged_once, audit request_key_moves_once, audit item_sold_once
-- changes:         functions/complete_credit_lead_purchase.sql
--
-- Nothing asks whether the purchase is completed, and leads that this purchase has sold itself count as there. As
-- long as the ledger takes one charge per purchase, the second call fails instead.

-- @instead of
    if v_purchase.status = 'completed' then
        select true, entry.balance_after, true
        into strict success, new_credit_balance, already_completed
        from lead_marketplace.credit_entries as entry
        where entry.request_key = 'purchase:' || p_purchase_id::text;
        return next;
        return;
    end if;

    -- The check that counts: whoever validated what before, the leads are locked and looked at here.
-- @write
    -- The check that counts: whoever validated what before, the leads are locked and looked at here.

-- @instead of
        when v_available < cardinality(v_lead_ids)
-- @write
        when v_available + (
            select count(*)
            from lead_marketplace.marketplace_purchase_items as item
            where item.purchase_id = p_purchase_id and item.sold
        ) < cardinality(v_lead_ids)
