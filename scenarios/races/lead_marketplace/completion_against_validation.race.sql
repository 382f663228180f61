-- title:    One buyer pays for a lead while another one looks at it
-- property: serial, state
-- detects:  lock_timeout_as_refusal, skip_locked_spend
-- expect:   exactly 1 ok in complete_credit_lead_purchase
--
-- Looking locks the lead for a moment. A payment that meets this lock must wait: a lead that is busy isn't sold,
-- and to answer "no longer available" would throw a good purchase away because somebody was curious. The one
-- who looks may be told to try again (55P03).

-- @values lead uuid, buyer uuid, onlooker uuid, purchase uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:buyer), (:onlooker);
select * from lead_marketplace.add_workspace_credits(:buyer, 100, 'opening balance');
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase, :buyer, 'credits');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead, 40);

-- @session buyer
-- @call complete_credit_lead_purchase
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :buyer, 40);

-- @session onlooker
-- @call validate_and_lock_leads_for_purchase
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead], :onlooker);
