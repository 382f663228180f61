-- title:     A workspace with enough credits pays for two leads at once, at repeatable read
-- property:  serial, ledger
-- detects:   exception_swallowed
-- isolation: repeatable read
-- expect:    exactly 0 refused in complete_credit_lead_purchase
--
-- At this isolation level PostgreSQL fails the second spender of an account with a serialization failure
-- (40001), which means: nothing happened, try again. The function must let it through. Turned into an answer
-- it would be a false one, since there are credits for both.

-- @values lead_1 uuid, lead_2 uuid, workspace uuid, purchase_1 uuid, purchase_2 uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead_1, 'available', true, 40), (:lead_2, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:workspace);
select * from lead_marketplace.add_workspace_credits(:workspace, 100, 'opening balance');
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
