-- title:    A payment is delivered twice, and paid back between the deliveries
-- property: serial, replay, state
-- detects:  status_acted_on_twice, check_before_lock, state_not_rechecked
-- expect:   exactly 0 error
--
-- Three sessions: two deliveries of one card payment, and the note that Stripe has paid it back. A delivery that
-- read the purchase as pending may be overtaken by both others. If it then acts on what it read, it finds the
-- lead sold and marks the money as owed: it would be paid back a second time.

-- @values lead uuid, buyer uuid, purchase uuid, stripe_refund text

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
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase);

-- @session second_delivery
-- @call complete_stripe_lead_purchase
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase);

-- @session paid_back
-- @call settle_card_refund
select * from lead_marketplace.settle_card_refund(:purchase, :stripe_refund);
