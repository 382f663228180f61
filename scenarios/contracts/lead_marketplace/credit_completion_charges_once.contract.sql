-- title:    A credit completion charges once, however often it is sent
-- property: replay, ledger
-- detects:  not_idempotent, key_reused_for_other_arguments, no_ledger_entry
--
-- A client that got no answer sends the completion again. The purchase is the key: the second call
-- takes nothing and says what the first one said, whatever has happened to the account meanwhile.

-- @values workspace uuid, stranger uuid, lead_a uuid, lead_b uuid, purchase uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace), (:stranger);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead_a, 'available', true, 40), (:lead_b, 'available', true, 2.50);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase, :workspace, 'credits');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead_a, 40), (:purchase, :lead_b, 2.50);

-- @call add_workspace_credits
-- @expect ok new_credit_balance=100.00, already_added=false
select * from lead_marketplace.add_workspace_credits(:workspace, 100, 'opening balance');

-- @call complete_credit_lead_purchase
-- @expect ok success=true, new_credit_balance=57.50, error_message=null, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 42.50);

-- @check One entry says what was taken, from which balance to which, and for what
select
    count(*) = 1
    and bool_and(entry.amount = -42.50)
    and bool_and(entry.balance_before = 100 and entry.balance_after = 57.50)
    and bool_and(entry.kind = 'purchase' and entry.workspace_id = :workspace)
from lead_marketplace.credit_entries as entry
where entry.purchase_id = :purchase;

-- @check The purchase is completed, its leads and its items are sold
select
    purchase.status = 'completed',
    purchase.completed_at is not null,
    (
        select count(*) = 2 and bool_and(item.sold and lead.marketplace_status = 'sold' and lead.sold_count = 1)
        from lead_marketplace.marketplace_purchase_items as item
        inner join lead_marketplace.leads as lead on item.lead_id = lead.id
        where item.purchase_id = purchase.id
    )
from lead_marketplace.marketplace_purchases as purchase
where purchase.id = :purchase;

-- @call add_workspace_credits
-- @expect ok new_credit_balance=67.50, already_added=false
select * from lead_marketplace.add_workspace_credits(:workspace, 10, 'between the two completions');

-- @call complete_credit_lead_purchase
-- @expect ok success=true, new_credit_balance=57.50, error_message=null, already_completed=true
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 42.50);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Credit amount differs from the price. Given: 40, Required: 42.50, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 40);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Purchase belongs to another workspace: *, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :stranger, 42.50);

-- @check The repeats took nothing and sold nothing
select
    account.balance = 67.50,
    (
        select count(*) = 1
        from lead_marketplace.credit_entries as entry
        where entry.purchase_id = :purchase
    ),
    (
        select bool_and(lead.sold_count = 1)
        from lead_marketplace.leads as lead
        where lead.id in (:lead_a, :lead_b)
    )
from lead_marketplace.workspace_credits as account
where account.workspace_id = :workspace;
