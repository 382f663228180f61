-- title:    Two buyers look at a lead, write a purchase down and pay it, one call after the other
-- property: serial, state
-- detects:  lock_split_across_calls, check_then_act
-- expect:   at most 1 ok in complete_stripe_lead_purchase
-- expect:   exactly 0 error
--
-- Each call is a transaction of its own, so the lock that validation takes is gone with its answer, long
-- before the card has paid. Between any two calls of one buyer the other may come in. Both may validate and
-- both may pay; only one may get the lead, and the other's money must be owed back.

-- @values lead uuid, buyer_a uuid, buyer_b uuid, purchase_b uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:buyer_a), (:buyer_b);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase_b, :buyer_b, 'card');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase_b, :lead, 40);

-- @session buyer_a
-- @call validate_and_lock_leads_for_purchase
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead], :buyer_a);
-- @call create_lead_purchase
-- @let purchase
select * from lead_marketplace.create_lead_purchase(array[:lead], :buyer_a, 'card');
-- @call complete_stripe_lead_purchase
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase);

-- @session buyer_b
-- @call complete_stripe_lead_purchase
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase_b);
