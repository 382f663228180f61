-- title:    One buyer sends the same payment twice at once
-- property: serial, replay, ledger
-- detects:  check_before_lock, not_idempotent, status_acted_on_twice
-- expect:   exactly 2 ok in complete_credit_lead_purchase
--
-- A double click, or a client that tries again because no answer came. If both calls read the purchase as
-- still pending, both charge it: 80 credits go for a lead of 40. The second call must charge nothing and
-- say what the first one said.

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

-- @session first_click
-- @call complete_credit_lead_purchase
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :buyer, 40);

-- @session second_click
-- @call complete_credit_lead_purchase
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :buyer, 40);
