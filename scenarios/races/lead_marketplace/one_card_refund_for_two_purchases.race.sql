-- title:    One Stripe refund is recorded for two purchases at once
-- property: serial, replay, state
-- detects:  check_then_act, raw_unique_violation, unique_missing_on_key
-- expect:   exactly 1 ok in settle_card_refund
-- expect:   exactly 1 refused in settle_card_refund
--
-- A refund pays one purchase back. If both calls look whether it was used before either has written it down,
-- both purchases count as paid back, and one of the buyers never sees the money. The second must be refused in
-- words, not fail on an index.

-- @values lead_1 uuid, lead_2 uuid, buyer uuid, purchase_1 uuid, purchase_2 uuid, stripe_refund text

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead_1, 'available', true, 40), (:lead_2, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:buyer);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase_1, :buyer, 'card'), (:purchase_2, :buyer, 'card');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase_1, :lead_1, 40), (:purchase_2, :lead_2, 40);
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase_1);
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase_2);

-- @session support_a
-- @call settle_card_refund
select * from lead_marketplace.settle_card_refund(:purchase_1, :stripe_refund);

-- @session support_b
-- @call settle_card_refund
select * from lead_marketplace.settle_card_refund(:purchase_2, :stripe_refund);
