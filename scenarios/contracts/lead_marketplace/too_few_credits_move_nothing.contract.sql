-- title:    Too few credits sell nothing, take nothing, and leave the purchase payable
-- property: state
-- detects:  unguarded_debit, clamped_at_zero, null_passes_check
--
-- The refusal says what is there and what is needed. A workspace without an account has nothing, and
-- a question about it opens none. Once the credits are there, the same purchase goes through, down
-- to a balance of exactly zero.

-- @values workspace uuid, poor uuid, lead uuid, other uuid, purchase uuid, poor_purchase uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace), (:poor);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40), (:other, 'available', true, 0.01);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase, :workspace, 'credits'), (:poor_purchase, :poor, 'credits');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead, 40), (:poor_purchase, :other, 0.01);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=0.00, error_message=Insufficient credits. Current: 0.00, Required: 0.01, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:poor_purchase, :poor, 0.01);

-- @check It opened no account
select count(*) = 0
from lead_marketplace.workspace_credits as account
where account.workspace_id = :poor;

-- @call add_workspace_credits
-- @expect ok
select * from lead_marketplace.add_workspace_credits(:workspace, 39.99, 'opening balance');
-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=39.99, error_message=Insufficient credits. Current: 39.99, Required: 40.00, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 40);

-- @check Nothing was taken or sold, and the purchase is pending
select
    account.balance = 39.99,
    (
        select count(*) = 0
        from lead_marketplace.credit_entries as entry
        where entry.purchase_id in (:purchase, :poor_purchase)
    ),
    (
        select count(*) = 2 and bool_and(lead.for_sale)
        from lead_marketplace.leads as lead
        where lead.id in (:lead, :other)
    ),
    (
        select count(*) = 2 and bool_and(purchase.status = 'pending')
        from lead_marketplace.marketplace_purchases as purchase
        where purchase.id in (:purchase, :poor_purchase)
    )
from lead_marketplace.workspace_credits as account
where account.workspace_id = :workspace;

-- @call add_workspace_credits
-- @expect ok new_credit_balance=40.00, already_added=false
select * from lead_marketplace.add_workspace_credits(:workspace, 0.01, 'the missing cent');
-- @call complete_credit_lead_purchase
-- @expect ok success=true, new_credit_balance=0.00, error_message=null, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 40);
