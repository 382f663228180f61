-- title:    Two buyers pay for the same lead with credits
-- property: serial, state, ledger
-- detects:  lock_split_across_calls, check_then_act, check_before_lock
-- expect:   exactly 1 ok in complete_credit_lead_purchase
-- expect:   exactly 1 refused in complete_credit_lead_purchase
--
-- Each buyer has a pending purchase of the lead and enough credits. If both look at the lead before either
-- has marked it sold, both find it for sale: two buyers pay, and one lead is sold twice. One of them must get
-- it, and the other must keep the credits.

-- @values lead uuid, buyer_a uuid, buyer_b uuid, purchase_a uuid, purchase_b uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:buyer_a), (:buyer_b);
select * from lead_marketplace.add_workspace_credits(:buyer_a, 100, 'opening balance');
select * from lead_marketplace.add_workspace_credits(:buyer_b, 100, 'opening balance');
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase_a, :buyer_a, 'credits'), (:purchase_b, :buyer_b, 'credits');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase_a, :lead, 40), (:purchase_b, :lead, 40);

-- @session buyer_a
-- @call complete_credit_lead_purchase
select * from lead_marketplace.complete_credit_lead_purchase(:purchase_a, :buyer_a, 40);

-- @session buyer_b
-- @call complete_credit_lead_purchase
select * from lead_marketplace.complete_credit_lead_purchase(:purchase_b, :buyer_b, 40);
