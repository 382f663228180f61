-- title:    Two people refund the same purchase at once
-- property: serial, replay, ledger
-- detects:  status_acted_on_twice, refund_unbound
-- expect:   exactly 2 ok in refund_lead_purchase
--
-- Support and the buyer press the button in the same moment. If both calls read the purchase as completed,
-- both give its 40 credits back, and the buyer has earned 40. The second must find it refunded and give
-- nothing.

-- @values lead uuid, buyer uuid, purchase uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:buyer);
select * from lead_marketplace.add_workspace_credits(:buyer, 100, 'opening balance');
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase, :buyer, 'credits');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead, 40);
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :buyer, 40);

-- @session support
-- @call refund_lead_purchase
select * from lead_marketplace.refund_lead_purchase(:purchase, :buyer);

-- @session buyer
-- @call refund_lead_purchase
select * from lead_marketplace.refund_lead_purchase(:purchase, :buyer);
