-- title:    Two baskets share two leads, and the buyers agreed to different prices
-- property: serial, state
-- detects:  locks_in_caller_order, lock_split_across_calls
-- expect:   exactly 1 ok in complete_stripe_lead_purchase
-- expect:   exactly 1 refused in complete_stripe_lead_purchase
--
-- The first lead became dearer between the two purchases, so sorted by price the baskets are in opposite
-- orders. If each payment locks its leads in an order of its own, one holds the first lead and wants the
-- second while the other holds the second and wants the first: a deadlock, and a card payment that fails for
-- no fault of the buyer's. With one order for everybody the second just waits. A basket with one lead gone
-- sells none of it.

-- @values lead_1 uuid, lead_2 uuid, buyer_a uuid, buyer_b uuid, purchase_a uuid, purchase_b uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead_1, 'available', true, 80), (:lead_2, 'available', true, 60);
insert into lead_marketplace.workspaces (id) values (:buyer_a), (:buyer_b);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase_a, :buyer_a, 'card'), (:purchase_b, :buyer_b, 'card');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values
(:purchase_a, :lead_1, 40), (:purchase_a, :lead_2, 60),
(:purchase_b, :lead_1, 80), (:purchase_b, :lead_2, 60);

-- @session webhook_a
-- @call complete_stripe_lead_purchase
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase_a);

-- @session webhook_b
-- @call complete_stripe_lead_purchase
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase_b);
