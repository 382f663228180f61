-- title:     Recording a card refund reads the purchase without a lock
-- class:     status_acted_on_twice
-- operation: settle_card_refund
-- hurts:     the shop: two people pay one purchase back at Stripe, and only the second refund is on record
-- caught-by: race two_card_refunds_of_one_purchase
-- changes:   functions/settle_card_refund.sql
--
-- Both read "completed", both record their refund, and the second overwrites the first.

-- @instead of
    where purchase.id = p_purchase_id
    for no key update;
-- @write
    where purchase.id = p_purchase_id;
