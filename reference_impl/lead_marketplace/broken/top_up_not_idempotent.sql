-- title:           A payment that Stripe announces twice is credited twice
-- class:           not_idempotent
-- operation:       complete_stripe_credit_purchase
-- hurts:           the marketplace: every repeated webhook is a gift
-- caught-by:       contract top_up_credited_once, race replayed_top_up
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_request_key_once
-- caught-unmasked: contract top_up_credited_once, race replayed_top_up, audit payment_credited_once,
--                  audit request_key_moves_once
-- changes:         functions/complete_stripe_credit_purchase.sql

-- @instead of
    if v_purchase.status = 'completed' then
        select true, entry.balance_after, true
        into strict success, new_credit_balance, already_completed
        from lead_marketplace.credit_entries as entry
        where entry.request_key = 'top_up:' || p_credit_purchase_id::text;
        return next;
        return;
    end if;

    new_credit_balance := lead_marketplace.post_credit_entry(
-- @write
    new_credit_balance := lead_marketplace.post_credit_entry(
