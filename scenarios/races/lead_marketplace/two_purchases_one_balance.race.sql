-- title:    A workspace pays for two leads at once and has credits for one
-- property: serial, ledger
-- detects:  check_then_act, read_modify_write
-- expect:   exactly 1 ok in complete_credit_lead_purchase
--
-- Two members of a workspace buy in the same moment; it has 40 credits, and each lead costs 40. If both calls
-- read the 40 before either has taken them, both find enough: the balance goes below zero, or one charge
-- overwrites the other. One purchase must go through and the other stay pending.

-- @values lead_1 uuid, lead_2 uuid, workspace uuid, purchase_1 uuid, purchase_2 uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead_1, 'available', true, 40), (:lead_2, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:workspace);
select * from lead_marketplace.add_workspace_credits(:workspace, 40, 'opening balance');
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase_1, :workspace, 'credits'), (:purchase_2, :workspace, 'credits');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase_1, :lead_1, 40), (:purchase_2, :lead_2, 40);

-- @session member_a
-- @call complete_credit_lead_purchase
select * from lead_marketplace.complete_credit_lead_purchase(:purchase_1, :workspace, 40);

-- @session member_b
-- @call complete_credit_lead_purchase
select * from lead_marketplace.complete_credit_lead_purchase(:purchase_2, :workspace, 40);
