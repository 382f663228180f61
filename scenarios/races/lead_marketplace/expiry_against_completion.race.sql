-- title:    A purchase expires in the moment in which its card payment arrives
-- property: serial, state
-- detects:  status_acted_on_twice, check_then_act
-- expect:   exactly 1 refused in complete_stripe_lead_purchase
--
-- The payment is late, so the lead isn't sold, and the money is owed back: refund_due. The clean-up wants to
-- turn the same purchase into a failed one. If it acts on what it read before the payment arrived, it writes
-- over refund_due, and nobody remembers that the buyer has paid. (The webhook's other event, a payment that
-- is recorded already, is here because it must go on being answered meanwhile. Another purchase that is due
-- has the clean-up lock two rows, in the order of their ids.)

-- @values lead_1 uuid, lead_2 uuid, buyer uuid, late uuid, paid uuid, forgotten uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead_1, 'available', true, 40), (:lead_2, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:buyer);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method, expires_at)
values (:late, :buyer, 'card', now() - interval '1 hour'), (:paid, :buyer, 'card', now() + interval '1 hour'),
(:forgotten, :buyer, 'credits', now() - interval '1 hour');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:late, :lead_1, 40), (:paid, :lead_2, 40), (:forgotten, :lead_1, 40);
select * from lead_marketplace.complete_stripe_lead_purchase(:paid);

-- @session webhook
-- @call complete_stripe_lead_purchase
select * from lead_marketplace.complete_stripe_lead_purchase(:late);
-- @call complete_stripe_lead_purchase
select * from lead_marketplace.complete_stripe_lead_purchase(:paid);

-- @session clean_up
-- @call expire_lead_purchases
select * from lead_marketplace.expire_lead_purchases();
