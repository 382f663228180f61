-- title:    A buyer validates and pays in one transaction while another one's card payment arrives
-- property: serial, state
-- detects:  check_then_act, lock_split_across_calls
-- expect:   exactly 0 refused in complete_credit_lead_purchase
--
-- Here the application does what validation's lock is made for: the lead is locked, and stays so until the
-- commit. Whoever has validated gets the lead; if validation didn't lock, it could be sold to another between
-- the two calls. Whoever comes too late hears it when validating, and has paid nothing.

-- @values lead uuid, careful_buyer uuid, card_buyer uuid, purchase uuid, card_purchase uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:careful_buyer), (:card_buyer);
select * from lead_marketplace.add_workspace_credits(:careful_buyer, 100, 'opening balance');
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase, :careful_buyer, 'credits'), (:card_purchase, :card_buyer, 'card');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead, 40), (:card_purchase, :lead, 40);

-- @session careful_buyer
begin;
-- @call validate_and_lock_leads_for_purchase
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead], :careful_buyer);
-- @call complete_credit_lead_purchase
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :careful_buyer, 40);
commit;

-- @session webhook
-- @call complete_stripe_lead_purchase
select * from lead_marketplace.complete_stripe_lead_purchase(:card_purchase);
