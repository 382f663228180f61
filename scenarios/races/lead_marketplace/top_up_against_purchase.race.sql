-- title:    A top-up arrives while its workspace buys a lead
-- property: serial, ledger
-- detects:  read_modify_write, stale_balance_in_entry, skip_locked_spend
-- expect:   exactly 1 ok in complete_credit_lead_purchase
-- expect:   exactly 1 ok in complete_stripe_credit_purchase
--
-- The workspace has 40 credits, pays 40 and receives 60, so 60 must be left. If both calls start from the
-- balance that they read, the later one overwrites the earlier: 0 are left and the top-up is lost, or 100 and
-- the lead was free. The purchase must not be refused either: 40 credits were there all the time.

-- @values lead uuid, workspace uuid, purchase uuid, top_up uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:workspace);
select * from lead_marketplace.add_workspace_credits(:workspace, 40, 'opening balance');
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase, :workspace, 'credits');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead, 40);
insert into lead_marketplace.credit_purchases (id, workspace_id, credits) values (:top_up, :workspace, 60);

-- @session webhook
-- @call complete_stripe_credit_purchase
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :workspace, 60);

-- @session buyer
-- @call complete_credit_lead_purchase
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 40);
