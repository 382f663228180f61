-- title:    A buyer looks at a lead, writes the purchase down and pays, call by call, while another one pays
-- property: serial, state
-- detects:  lock_split_across_calls, check_then_act
-- expect:   at most 1 ok in complete_stripe_lead_purchase
-- expect:   exactly 0 error
--
-- Each call is a transaction of its own, so the lock that validation takes is gone with its answer, minutes
-- before the card has paid. Buyer b validated first; the payment arrives now, before, between or inside the
-- calls of buyer a. Both have been told that the lead is there, and both may pay, but only one may get it.
-- The other's purchase must be refused before it is written down, or its money must be owed back.

-- @values lead uuid, buyer_a uuid, buyer_b uuid, purchase_b uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:buyer_a), (:buyer_b);
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead], :buyer_b);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase_b, :buyer_b, 'card');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase_b, :lead, 40);

-- @session buyer_a
-- @call validate_and_lock_leads_for_purchase
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead], :buyer_a);
-- @call create_lead_purchase
-- @let purchase_a
select * from lead_marketplace.create_lead_purchase(array[:lead], :buyer_a, 'card');
-- @call complete_stripe_lead_purchase
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase_a);

-- @session buyer_b
-- @call complete_stripe_lead_purchase
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase_b);
