-- title:    Credits bought by card are written down once and credited once
-- property: replay, ledger
-- detects:  not_idempotent, key_reused_for_other_arguments, status_acted_on_twice
--
-- The shop writes down how many credits are about to be bought, Stripe says (often twice) that they
-- were paid. What the webhook carries has to be what was written down, or a tampered checkout would
-- choose its own workspace or amount.

-- @values workspace uuid, other uuid, unknown uuid, key uuid, top_up uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace), (:other);
insert into lead_marketplace.credit_purchases (id, workspace_id, credits) values (:top_up, :workspace, 500);

-- @call create_credit_purchase
-- @expect refused P0001 Invalid credit amount: 0
select * from lead_marketplace.create_credit_purchase(:unknown, 0, :key);
-- @call create_credit_purchase
-- @expect refused P0001 Workspace not found: *-*
select * from lead_marketplace.create_credit_purchase(:unknown, 500, :key);
-- @call create_credit_purchase
-- @expect refused P0001 Workspace not found: <NULL>
select * from lead_marketplace.create_credit_purchase(null, 500, :key);
-- @call create_credit_purchase
-- @expect ok create_credit_purchase=*-*
select * from lead_marketplace.create_credit_purchase(:workspace, 500, :key);
-- @expect ok same=true
select
    lead_marketplace.create_credit_purchase(:workspace, 500.00, :key) = (
        select bought.id from lead_marketplace.credit_purchases as bought where bought.request_key = :key
    ) as same;
-- @call create_credit_purchase
-- @expect refused P0001 Request key was used with other arguments: *-*
select * from lead_marketplace.create_credit_purchase(:workspace, 501, :key);
-- @call create_credit_purchase
-- @expect refused P0001 Request key was used with other arguments: *-*
select * from lead_marketplace.create_credit_purchase(:other, 500, :key);
-- @expect ok differ=true
select
    lead_marketplace.create_credit_purchase(:workspace, 500)
    <> lead_marketplace.create_credit_purchase(:workspace, 500, null) as differ;

-- @check One purchase stands under the key, nothing is credited before it is paid
select
    count(*) = 1,
    bool_and(bought.workspace_id = :workspace and bought.credits = 500 and bought.status = 'pending'),
    not exists (
        select 1
        from lead_marketplace.workspace_credits as account
        where account.workspace_id in (:workspace, :other)
    )
from lead_marketplace.credit_purchases as bought
where bought.request_key = :key;

-- @call complete_stripe_credit_purchase
-- @expect refused P0001 Invalid credit amount: -500
select * from lead_marketplace.complete_stripe_credit_purchase(:unknown, :other, -500);
-- @call complete_stripe_credit_purchase
-- @expect refused P0001 Credit purchase not found: *-*
select * from lead_marketplace.complete_stripe_credit_purchase(:unknown, :workspace, 500);
-- @call complete_stripe_credit_purchase
-- @expect refused P0001 Credit purchase not found: <NULL>
select * from lead_marketplace.complete_stripe_credit_purchase(null, :workspace, 500);
-- @call complete_stripe_credit_purchase
-- @expect refused P0001 Credit purchase belongs to another workspace: *-*
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :other, 5000);
-- @call complete_stripe_credit_purchase
-- @expect refused P0001 Credit purchase belongs to another workspace: *-*
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, null, 500);
-- @call complete_stripe_credit_purchase
-- @expect refused P0001 Credit amount differs from the credit purchase. Given: 5000, Required: 500.00
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :workspace, 5000);

-- @call complete_stripe_credit_purchase
-- @expect ok success=true, new_credit_balance=500.00, already_completed=false
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :workspace, 500);
-- @call add_workspace_credits
-- @expect ok new_credit_balance=501.00, already_added=false
select * from lead_marketplace.add_workspace_credits(:workspace, 1, 'between the two deliveries');
-- @call complete_stripe_credit_purchase
-- @expect ok success=true, new_credit_balance=500.00, already_completed=true
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :workspace, 500);
-- @call complete_stripe_credit_purchase
-- @expect refused P0001 Credit amount differs from the credit purchase. Given: 1, Required: 500.00
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :workspace, 1);
-- @call complete_stripe_credit_purchase
-- @expect refused P0001 Credit purchase belongs to another workspace: *-*
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :other, 500);

-- @check It was credited once, and the ledger says for which purchase
select
    account.balance = 501,
    bought.status = 'completed' and bought.completed_at is not null,
    (
        select count(*) = 1 and bool_and(entry.kind = 'top_up' and entry.amount = 500 and entry.balance_before = 0)
        from lead_marketplace.credit_entries as entry
        where entry.credit_purchase_id = :top_up
    )
from lead_marketplace.workspace_credits as account
inner join lead_marketplace.credit_purchases as bought on account.workspace_id = bought.workspace_id
where bought.id = :top_up;
