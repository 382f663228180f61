-- title:    Two buyers validate one lead, then both complete
-- property: serial, state
-- detects:  lock_split_across_calls
-- expect:   at most 1 ok in complete_credit_lead_purchase
-- expect:   exactly 0 error
--
-- Validation and completion are calls of their own, and so transactions of their own: the lock that validation
-- takes is gone with its answer. Both buyers may hear that the lead can be had. Both then complete, and only
-- one may get it; the other must hear so, and keep the credits.

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
-- @call validate_and_lock_leads_for_purchase
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead], :buyer_a);
-- @call complete_credit_lead_purchase
select * from lead_marketplace.complete_credit_lead_purchase(:purchase_a, :buyer_a, 40);

-- @session buyer_b
-- @call validate_and_lock_leads_for_purchase
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead], :buyer_b);
-- @call complete_credit_lead_purchase
select * from lead_marketplace.complete_credit_lead_purchase(:purchase_b, :buyer_b, 40);

-- @state
select
    marketplace_status,
    sold_count
from lead_marketplace.leads
where id = :lead;
