-- title:    A lead is marked as sold elsewhere while a buyer pays for it
-- property: serial, state, ledger
-- detects:  check_then_act, lock_split_across_calls
-- expect:   exactly 0 error
--
-- Either the buyer comes first, and the marking finds nothing left to mark; or the marking does, and the buyer
-- keeps the credits. If each of them looks before the other has written, the lead counts two sales.

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

-- @session importer
-- @call mark_leads_sold_bulk
select * from lead_marketplace.mark_leads_sold_bulk(array[:lead]);
