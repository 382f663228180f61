-- title:    A credit completion that is wrong is refused, and for the first thing that is wrong
-- property: input, access
-- detects:  negative_amount, null_passes_check, row_count_ignored
--
-- Every call below is wrong in what its answer names and in all that comes after it. The order is
-- part of the contract: a stranger hears that the purchase is somebody else's, never its price.
-- Workspaces, purchases and amounts come from the client, so all of them are looked up.

-- @values workspace uuid, stranger uuid, lead uuid
-- @values purchase uuid, failed uuid, empty uuid, card uuid, failed_card uuid, unknown uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace), (:stranger);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method, status)
values
(:purchase, :workspace, 'credits', 'pending'),
(:failed, :workspace, 'credits', 'failed'),
(:empty, :workspace, 'credits', 'failed'),
(:card, :workspace, 'card', 'pending'),
(:failed_card, :workspace, 'card', 'failed');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead, 40), (:failed, :lead, 40), (:card, :lead, 40);

-- @call add_workspace_credits
-- @expect ok
select * from lead_marketplace.add_workspace_credits(:workspace, 100, 'opening balance');
-- @call add_workspace_credits
-- @expect ok
select * from lead_marketplace.add_workspace_credits(:stranger, 100, 'opening balance');

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Invalid credit amount: <NULL>, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(null, null, null);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Invalid credit amount: -1, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:unknown, :stranger, -1);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Purchase not found: <NULL>, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(null, :workspace, 40);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Purchase not found: *, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:unknown, :workspace, 40);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Purchase belongs to another workspace: *, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:failed_card, :stranger, 1);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Purchase belongs to another workspace: *, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :stranger, 1);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Purchase belongs to another workspace: *, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, null, 40);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Purchase is not paid with credits: *, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:failed_card, :workspace, 1);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=No leads found for purchase: *, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:empty, :workspace, 1);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Credit amount differs from the price. Given: 1, Required: 40.00, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:failed, :workspace, 1);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Purchase cannot be completed. Status: failed, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:failed, :workspace, 40);

-- These two can be paid: one by its buyer alone and at its price alone, the other one by card alone.
-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Purchase is not paid with credits: *, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:card, :workspace, 40);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Purchase belongs to another workspace: *, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :stranger, 40);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Invalid credit amount: -40, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, -40);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Credit amount differs from the price. Given: 39.99, Required: 40.00, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 39.99);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Credit amount differs from the price. Given: 40.01, Required: 40.00, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 40.01);

-- @check No refusal moved a credit
select
    count(*) = 2,
    bool_and(account.balance = 100)
from lead_marketplace.workspace_credits as account
where account.workspace_id in (:workspace, :stranger);

-- @check No refusal changed a purchase or sold the lead
select
    count(*) = 5,
    count(*) filter (where purchase.status = 'failed') = 3,
    count(*) filter (where purchase.status = 'pending') = 2,
    (select lead.marketplace_status = 'available' from lead_marketplace.leads as lead where lead.id = :lead)
from lead_marketplace.marketplace_purchases as purchase
where purchase.buyer_workspace_id = :workspace;

-- @call complete_credit_lead_purchase
-- @expect ok success=true, new_credit_balance=60.00, error_message=null, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 40.00);
