-- title:    Two people pay one purchase back at Stripe at once
-- property: serial, state
-- detects:  status_acted_on_twice
-- expect:   exactly 1 ok in settle_card_refund
-- expect:   exactly 1 refused in settle_card_refund
--
-- Stripe has made two refunds of one payment, and both are being recorded. If both calls read the purchase as
-- completed, the second overwrites the first, and nothing says any more that the money went back twice. The
-- second must be refused: that is how somebody hears of it.

-- @values lead uuid, buyer uuid, purchase uuid, refund_a text, refund_b text

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:buyer);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase, :buyer, 'card');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead, 40);
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase);

-- @session support_a
-- @call settle_card_refund
select * from lead_marketplace.settle_card_refund(:purchase, :refund_a);

-- @session support_b
-- @call settle_card_refund
select * from lead_marketplace.settle_card_refund(:purchase, :refund_b);
