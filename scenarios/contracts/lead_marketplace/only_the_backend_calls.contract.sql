-- title:    Only the backend calls the functions, and it writes through nothing else
-- property: access
-- detects:  executable_by_anyone
--
-- The functions run with their owner's rights, so whoever may execute one may do what it does. A new
-- function can be executed by everybody until that is revoked. The backend's own role reads the
-- tables and changes them through the functions alone.

-- @values workspace uuid, lead uuid, purchase uuid, top_up uuid, refund text
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase, :workspace, 'credits');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price) values (:purchase, :lead, 40);
insert into lead_marketplace.credit_purchases (id, workspace_id, credits) values (:top_up, :workspace, 100);

-- @as anon
-- @call validate_and_lock_leads_for_purchase
-- @expect error 42501 permission denied for schema lead_marketplace
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead], :workspace);
-- @call create_lead_purchase
-- @expect error 42501 permission denied for schema lead_marketplace
select * from lead_marketplace.create_lead_purchase(array[:lead], :workspace, 'credits', null);
-- @call complete_credit_lead_purchase
-- @expect error 42501 permission denied for schema lead_marketplace
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 40);
-- @call complete_stripe_lead_purchase
-- @expect error 42501 permission denied for schema lead_marketplace
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase, null);
-- @call mark_leads_sold_bulk
-- @expect error 42501 permission denied for schema lead_marketplace
select * from lead_marketplace.mark_leads_sold_bulk(array[:lead]);
-- @call refund_lead_purchase
-- @expect error 42501 permission denied for schema lead_marketplace
select * from lead_marketplace.refund_lead_purchase(:purchase, :workspace);
-- @call settle_card_refund
-- @expect error 42501 permission denied for schema lead_marketplace
select * from lead_marketplace.settle_card_refund(:purchase, :refund);
-- @call expire_lead_purchases
-- @expect error 42501 permission denied for schema lead_marketplace
select * from lead_marketplace.expire_lead_purchases(:workspace);
-- @call add_workspace_credits
-- @expect error 42501 permission denied for schema lead_marketplace
select * from lead_marketplace.add_workspace_credits(:workspace, 100, 'a gift to myself', null);
-- @call create_credit_purchase
-- @expect error 42501 permission denied for schema lead_marketplace
select * from lead_marketplace.create_credit_purchase(:workspace, 100, null);
-- @call complete_stripe_credit_purchase
-- @expect error 42501 permission denied for schema lead_marketplace
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :workspace, 100);

-- @as authenticated
-- @call validate_and_lock_leads_for_purchase
-- @expect error 42501 permission denied for function validate_and_lock_leads_for_purchase
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead], :workspace);
-- @call create_lead_purchase
-- @expect error 42501 permission denied for function create_lead_purchase
select * from lead_marketplace.create_lead_purchase(array[:lead], :workspace, 'credits', null);
-- @call complete_credit_lead_purchase
-- @expect error 42501 permission denied for function complete_credit_lead_purchase
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 40);
-- @call complete_stripe_lead_purchase
-- @expect error 42501 permission denied for function complete_stripe_lead_purchase
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase, null);
-- @call mark_leads_sold_bulk
-- @expect error 42501 permission denied for function mark_leads_sold_bulk
select * from lead_marketplace.mark_leads_sold_bulk(array[:lead]);
-- @call refund_lead_purchase
-- @expect error 42501 permission denied for function refund_lead_purchase
select * from lead_marketplace.refund_lead_purchase(:purchase, :workspace);
-- @call settle_card_refund
-- @expect error 42501 permission denied for function settle_card_refund
select * from lead_marketplace.settle_card_refund(:purchase, :refund);
-- @call expire_lead_purchases
-- @expect error 42501 permission denied for function expire_lead_purchases
select * from lead_marketplace.expire_lead_purchases(:workspace);
-- @call add_workspace_credits
-- @expect error 42501 permission denied for function add_workspace_credits
select * from lead_marketplace.add_workspace_credits(:workspace, 100, 'a gift to myself', null);
-- @call create_credit_purchase
-- @expect error 42501 permission denied for function create_credit_purchase
select * from lead_marketplace.create_credit_purchase(:workspace, 100, null);
-- @call complete_stripe_credit_purchase
-- @expect error 42501 permission denied for function complete_stripe_credit_purchase
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :workspace, 100);
-- @expect error 42501 permission denied for function post_credit_entry
select lead_marketplace.post_credit_entry(:workspace, 100, 'grant');
-- @expect error 42501 permission denied for function sell_leads
select lead_marketplace.sell_leads(:purchase, array[:lead]);

-- @as service_role
-- @expect error 42501 permission denied for function post_credit_entry
select lead_marketplace.post_credit_entry(:workspace, 100, 'grant');
-- @expect error 42501 permission denied for function sell_leads
select lead_marketplace.sell_leads(:purchase, array[:lead]);
-- @expect error 42501 permission denied for table workspace_credits
insert into lead_marketplace.workspace_credits (workspace_id, balance) values (:workspace, 100);
-- @expect error 42501 permission denied for table workspace_credits
update lead_marketplace.workspace_credits set balance = 100 where workspace_id = :workspace;
-- @expect error 42501 permission denied for table credit_grants
insert into lead_marketplace.credit_grants (workspace_id, amount, reason) values (:workspace, 100, 'by hand');
-- @expect error 42501 permission denied for table credit_purchases
update lead_marketplace.credit_purchases set credits = 1 where id = :top_up;
-- @expect error 42501 permission denied for table marketplace_purchases
update lead_marketplace.marketplace_purchases set status = 'failed' where id = :purchase;
-- @expect error 42501 permission denied for table leads
update lead_marketplace.leads set marketplace_price = 1 where id = :lead;

-- @check Nothing of this changed anything
select
    not exists (
        select 1 from lead_marketplace.workspace_credits as account where account.workspace_id = :workspace
    ),
    (select lead.for_sale and lead.marketplace_price = 40 from lead_marketplace.leads as lead where lead.id = :lead),
    count(*) = 1 and bool_and(purchase.status = 'pending')
from lead_marketplace.marketplace_purchases as purchase
where purchase.buyer_workspace_id = :workspace;

-- It may read what it wrote.
-- @as service_role
-- @expect ok purchases=1
select count(*) as purchases
from lead_marketplace.marketplace_purchases as purchase
where purchase.buyer_workspace_id = :workspace;
