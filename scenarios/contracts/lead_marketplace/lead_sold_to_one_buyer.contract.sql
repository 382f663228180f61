-- title:    A lead that is gone is not sold again, and a basket with such a lead sells nothing
-- property: state
-- detects:  lock_split_across_calls, state_not_rechecked, exception_swallowed
--
-- Any number of buyers may hold a pending purchase of one lead. The first who pays gets it. Whoever
-- comes later keeps all credits, hears how much of the basket was still there, and the purchase has
-- failed: one that stays pending would be offered for payment for ever.

-- @values winner uuid, late uuid, lead uuid, rest uuid, first uuid, second uuid, basket uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:winner), (:late);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40), (:rest, 'available', true, 5);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:first, :winner, 'credits'), (:second, :late, 'credits'), (:basket, :late, 'credits');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:first, :lead, 40), (:second, :lead, 40), (:basket, :lead, 40), (:basket, :rest, 5);

-- @call add_workspace_credits
-- @expect ok
select * from lead_marketplace.add_workspace_credits(:winner, 40, 'opening balance');
-- @call add_workspace_credits
-- @expect ok
select * from lead_marketplace.add_workspace_credits(:late, 100, 'opening balance');

-- Both look, and both see the lead.
-- @call validate_and_lock_leads_for_purchase
-- @expect ok id=*
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead], :winner);
-- @call validate_and_lock_leads_for_purchase
-- @expect ok id=*
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead], :late);

-- @call complete_credit_lead_purchase
-- @expect ok success=true, new_credit_balance=0.00, error_message=null, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:first, :winner, 40);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Some leads are no longer available for purchase. Requested: 1, Available: 0, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:second, :late, 40);
-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Some leads are no longer available for purchase. Requested: 2, Available: 1, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:basket, :late, 45);

-- @check Both late purchases have failed and sold nothing
select
    count(*) = 2,
    bool_and(purchase.status = 'failed' and purchase.completed_at is null),
    not exists (
        select 1
        from lead_marketplace.marketplace_purchase_items as item
        where item.purchase_id in (:second, :basket) and item.sold
    )
from lead_marketplace.marketplace_purchases as purchase
where purchase.id in (:second, :basket);

-- @check The late buyer has paid nothing, the lead was sold once, the rest of the basket is on offer
select
    account.balance = 100,
    (select lead.sold_count = 1 from lead_marketplace.leads as lead where lead.id = :lead),
    (select lead.for_sale from lead_marketplace.leads as lead where lead.id = :rest)
from lead_marketplace.workspace_credits as account
where account.workspace_id = :late;

-- A failed purchase stays failed.
-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Purchase cannot be completed. Status: failed, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:second, :late, 40);
