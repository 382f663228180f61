-- title:    One buyer pays for a lead with credits while another's card payment for it arrives
-- property: serial, state, ledger
-- detects:  check_then_act, lock_split_across_calls
-- expect:   exactly 1 ok
-- expect:   exactly 1 refused
--
-- Two functions sell the same lead, so each must respect the other's lock and not only its own kind's. The
-- buyer who comes too late keeps the credits, or has the card payment owed back.

-- @values lead uuid, credit_buyer uuid, card_buyer uuid, credit_purchase uuid, card_purchase uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:credit_buyer), (:card_buyer);
select * from lead_marketplace.add_workspace_credits(:credit_buyer, 100, 'opening balance');
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:credit_purchase, :credit_buyer, 'credits'), (:card_purchase, :card_buyer, 'card');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:credit_purchase, :lead, 40), (:card_purchase, :lead, 40);

-- @session credit_buyer
-- @call complete_credit_lead_purchase
select * from lead_marketplace.complete_credit_lead_purchase(:credit_purchase, :credit_buyer, 40);

-- @session webhook
-- @call complete_stripe_lead_purchase
select * from lead_marketplace.complete_stripe_lead_purchase(:card_purchase);
