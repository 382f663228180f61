-- title:    A member reads the workspace's own balance, purchases and entries, and writes none of them
-- property: access
-- detects:  owner_writes_balance
--
-- The workspace is the one that the verified token names. Whoever may update the row that holds
-- their own balance has as many credits as they like.

-- @values workspace uuid, other uuid, lead uuid, purchase uuid, others_purchase uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace), (:other);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase, :workspace, 'credits'), (:others_purchase, :other, 'credits');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead, 40), (:others_purchase, :lead, 40);

-- @call add_workspace_credits
-- @expect ok
select * from lead_marketplace.add_workspace_credits(:workspace, 100, 'opening balance');
-- @call add_workspace_credits
-- @expect ok
select * from lead_marketplace.add_workspace_credits(:other, 200, 'opening balance');

-- @as authenticated
-- A token without a workspace sees nothing.
-- @expect ok
select set_config('request.jwt.claims', '', false);
-- @expect ok accounts=0, purchases=0, items=0, entries=0
select
    (select count(*) from lead_marketplace.workspace_credits) as accounts,
    (select count(*) from lead_marketplace.marketplace_purchases) as purchases,
    (select count(*) from lead_marketplace.marketplace_purchase_items) as items,
    (select count(*) from lead_marketplace.credit_entries) as entries;

-- @expect ok
select set_config('request.jwt.claims', jsonb_build_object('workspace_id', :workspace)::text, false);
-- @expect ok accounts=1, balance=100.00
select
    count(*) as accounts,
    sum(account.balance) as balance
from lead_marketplace.workspace_credits as account;
-- @expect ok purchases=1, own=true
select
    count(*) as purchases,
    bool_and(purchase.id = :purchase) as own
from lead_marketplace.marketplace_purchases as purchase;
-- @expect ok items=1, own=true
select
    count(*) as items,
    bool_and(item.purchase_id = :purchase) as own
from lead_marketplace.marketplace_purchase_items as item;
-- @expect ok entries=1, amount=100.00
select
    count(*) as entries,
    sum(entry.amount) as amount
from lead_marketplace.credit_entries as entry;

-- @expect error 42501 permission denied for table workspace_credits
update lead_marketplace.workspace_credits set balance = 1000000 where workspace_id = :workspace;
-- @expect error 42501 permission denied for table workspace_credits
insert into lead_marketplace.workspace_credits (workspace_id, balance) values (:other, 1000000);
-- @expect error 42501 permission denied for table workspace_credits
delete from lead_marketplace.workspace_credits where workspace_id = :workspace;
-- @expect error 42501 permission denied for table marketplace_purchases
update lead_marketplace.marketplace_purchases set status = 'completed', completed_at = now() where id = :purchase;
-- @expect error 42501 permission denied for table marketplace_purchase_items
update lead_marketplace.marketplace_purchase_items set price = 0.01 where purchase_id = :purchase;
-- @expect error 42501 permission denied for table credit_entries
delete from lead_marketplace.credit_entries where workspace_id = :workspace;
-- @expect error 42501 permission denied for table leads
select count(*) from lead_marketplace.leads;
-- @expect error 42501 permission denied for table credit_grants
select count(*) from lead_marketplace.credit_grants;
-- @expect error 42501 permission denied for table credit_purchases
update lead_marketplace.credit_purchases set credits = 1000000 where workspace_id = :workspace;
-- @expect ok
select set_config('request.jwt.claims', '', false);

-- @as anon
-- @expect error 42501 permission denied for schema lead_marketplace
select count(*) from lead_marketplace.workspace_credits;

-- @check Both balances are as they were
select
    count(*) = 2,
    bool_and(account.balance = case account.workspace_id when :workspace then 100 else 200 end)
from lead_marketplace.workspace_credits as account
where account.workspace_id in (:workspace, :other);
