-- title:    Stripe delivers one payment twice at once
-- property: serial, replay, state
-- detects:  check_before_lock, status_acted_on_twice, not_idempotent
-- expect:   exactly 2 ok in complete_stripe_lead_purchase
--
-- Stripe promises to deliver an event at least once, not once. If both deliveries read the purchase as still
-- pending, the second finds its lead sold (by the first!) and takes the payment for one that came too late:
-- the buyer has the lead and gets the money back. It must see that the purchase is completed already.

-- @values lead uuid, buyer uuid, purchase uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:buyer);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase, :buyer, 'card');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead, 40);

-- @session first_delivery
-- @call complete_stripe_lead_purchase
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase, 'https://example.com/leads.csv');

-- @session second_delivery
-- @call complete_stripe_lead_purchase
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase, 'https://example.com/leads.csv');
