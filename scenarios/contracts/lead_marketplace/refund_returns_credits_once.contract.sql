-- title:    A refund gives back what was charged, to who was charged, and once
-- property: replay, ledger
-- detects:  refund_unbound, not_idempotent, row_count_ignored
--
-- The purchase is the key and the ledger knows the amount, so there is nothing that a caller could
-- choose. The second refund gives nothing and answers as the first one did. The leads stay sold.

-- @values workspace uuid, other uuid, lead uuid, purchase uuid, pending uuid, failed uuid, card uuid, unknown uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace), (:other);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method, status)
values
(:purchase, :workspace, 'credits', 'pending'),
(:pending, :workspace, 'credits', 'pending'),
(:failed, :workspace, 'credits', 'failed'),
(:card, :workspace, 'card', 'pending');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead, 40), (:pending, :lead, 40), (:failed, :lead, 40), (:card, :lead, 40);

-- @call add_workspace_credits
-- @expect ok
select * from lead_marketplace.add_workspace_credits(:workspace, 100, 'opening balance');
-- @call add_workspace_credits
-- @expect ok
select * from lead_marketplace.add_workspace_credits(:other, 100, 'opening balance');
-- @call complete_credit_lead_purchase
-- @expect ok success=true, new_credit_balance=60.00, *
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 40);

-- @call refund_lead_purchase
-- @expect refused P0001 Purchase not found: *-*
select * from lead_marketplace.refund_lead_purchase(:unknown, :workspace);
-- @call refund_lead_purchase
-- @expect refused P0001 Purchase not found: <NULL>
select * from lead_marketplace.refund_lead_purchase(null, :workspace);
-- @call refund_lead_purchase
-- @expect refused P0001 Purchase belongs to another workspace: *-*
select * from lead_marketplace.refund_lead_purchase(:card, :other);
-- @call refund_lead_purchase
-- @expect refused P0001 Purchase belongs to another workspace: *-*
select * from lead_marketplace.refund_lead_purchase(:purchase, :other);
-- @call refund_lead_purchase
-- @expect refused P0001 Purchase belongs to another workspace: *-*
select * from lead_marketplace.refund_lead_purchase(:purchase, null);
-- @call refund_lead_purchase
-- @expect refused P0001 Purchase is not paid with credits: *-*
select * from lead_marketplace.refund_lead_purchase(:card, :workspace);
-- @call refund_lead_purchase
-- @expect refused P0001 Purchase cannot be refunded. Status: pending
select * from lead_marketplace.refund_lead_purchase(:pending, :workspace);
-- @call refund_lead_purchase
-- @expect refused P0001 Purchase cannot be refunded. Status: failed
select * from lead_marketplace.refund_lead_purchase(:failed, :workspace);

-- @check No refusal moved a credit
select
    count(*) = 2,
    sum(account.balance) = 160
from lead_marketplace.workspace_credits as account
where account.workspace_id in (:workspace, :other);

-- @call refund_lead_purchase
-- @expect ok success=true, new_credit_balance=100.00, already_refunded=false
select * from lead_marketplace.refund_lead_purchase(:purchase, :workspace);
-- @call add_workspace_credits
-- @expect ok new_credit_balance=101.00, already_added=false
select * from lead_marketplace.add_workspace_credits(:workspace, 1, 'between the two refunds');
-- @call refund_lead_purchase
-- @expect ok success=true, new_credit_balance=100.00, already_refunded=true
select * from lead_marketplace.refund_lead_purchase(:purchase, :workspace);
-- @call refund_lead_purchase
-- @expect refused P0001 Purchase belongs to another workspace: *-*
select * from lead_marketplace.refund_lead_purchase(:purchase, :other);

-- @check The charge was given back once, as an entry of its own
select
    account.balance = 101,
    (
        select
            count(*) = 2
            and sum(entry.amount) = 0
            and bool_or(entry.kind = 'refund' and entry.amount = 40 and entry.balance_after = 100)
        from lead_marketplace.credit_entries as entry
        where entry.purchase_id = :purchase
    )
from lead_marketplace.workspace_credits as account
where account.workspace_id = :workspace;

-- @check The purchase says so, and the lead stays sold
select
    purchase.status = 'refunded' and purchase.refunded_at is not null and purchase.completed_at is not null,
    lead.marketplace_status = 'sold' and lead.sold_count = 1,
    item.sold
from lead_marketplace.marketplace_purchases as purchase
inner join lead_marketplace.marketplace_purchase_items as item on purchase.id = item.purchase_id
inner join lead_marketplace.leads as lead on item.lead_id = lead.id
where purchase.id = :purchase;
