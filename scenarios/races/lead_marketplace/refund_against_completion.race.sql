-- title:    A purchase is refunded in the moment in which it completes
-- property: serial, ledger
-- detects:  check_before_lock, refund_unbound, state_not_rechecked
-- expect:   exactly 1 ok in complete_credit_lead_purchase
--
-- The buyer pays and regrets it at once. A refund that comes first is refused: there is nothing to give back
-- yet. One that comes second returns exactly what was charged. Nothing lies between: a refund that has read
-- some of its facts before the charge and some after it gives back a sum that nobody paid.

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

-- @session buyer
-- @call complete_credit_lead_purchase
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :buyer, 40);

-- @session support
-- @call refund_lead_purchase
select * from lead_marketplace.refund_lead_purchase(:purchase, :buyer);
