-- title:    An amount is a positive number of credits with two decimals, or it is refused
-- property: input
-- detects:  negative_amount, fraction_rounded_away, nan_accepted, null_passes_check
--
-- numeric(12, 2) rounds 0.005 to a legal 0.01 and 0.004 to nothing, and it has a value NaN that is
-- greater than every other. So amounts are checked as they were given, before a column sees them.
-- What is that small and legal is charged: 0.20 credits are not free.

-- @values workspace uuid, rich uuid, top_up uuid, lead uuid, purchase uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace), (:rich);
insert into lead_marketplace.credit_purchases (id, workspace_id, credits) values (:top_up, :workspace, 0.01);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 0.20);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase, :workspace, 'credits');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead, 0.20);

-- @call add_workspace_credits
-- @expect refused P0001 Invalid credit amount: <NULL>
select * from lead_marketplace.add_workspace_credits(:workspace, null, 'opening balance');
-- @call add_workspace_credits
-- @expect refused P0001 Invalid credit amount: 0
select * from lead_marketplace.add_workspace_credits(:workspace, 0, 'opening balance');
-- @call add_workspace_credits
-- @expect refused P0001 Invalid credit amount: -50
select * from lead_marketplace.add_workspace_credits(:workspace, -50, 'opening balance');
-- @call add_workspace_credits
-- @expect refused P0001 Invalid credit amount: 0.004
select * from lead_marketplace.add_workspace_credits(:workspace, 0.004, 'opening balance');
-- @call add_workspace_credits
-- @expect refused P0001 Invalid credit amount: 0.005
select * from lead_marketplace.add_workspace_credits(:workspace, 0.005, 'opening balance');
-- @call add_workspace_credits
-- @expect refused P0001 Invalid credit amount: 10.001
select * from lead_marketplace.add_workspace_credits(:workspace, 10.001, 'opening balance');
-- @call add_workspace_credits
-- @expect refused P0001 Invalid credit amount: 10000000000
select * from lead_marketplace.add_workspace_credits(:workspace, 10000000000, 'opening balance');
-- @call add_workspace_credits
-- @expect refused P0001 Invalid credit amount: NaN
select * from lead_marketplace.add_workspace_credits(:workspace, 'NaN', 'opening balance');
-- @call add_workspace_credits
-- @expect refused P0001 Invalid credit amount: Infinity
select * from lead_marketplace.add_workspace_credits(:workspace, 'Infinity', 'opening balance');
-- @call add_workspace_credits
-- @expect refused P0001 Invalid credit amount: -Infinity
select * from lead_marketplace.add_workspace_credits(:workspace, '-Infinity', 'opening balance');

-- @call create_credit_purchase
-- @expect refused P0001 Invalid credit amount: <NULL>
select * from lead_marketplace.create_credit_purchase(:workspace, null);
-- @call create_credit_purchase
-- @expect refused P0001 Invalid credit amount: -0.01
select * from lead_marketplace.create_credit_purchase(:workspace, -0.01);
-- @call create_credit_purchase
-- @expect refused P0001 Invalid credit amount: 0.005
select * from lead_marketplace.create_credit_purchase(:workspace, 0.005);
-- @call create_credit_purchase
-- @expect refused P0001 Invalid credit amount: NaN
select * from lead_marketplace.create_credit_purchase(:workspace, 'NaN');
-- @call create_credit_purchase
-- @expect refused P0001 Invalid credit amount: Infinity
select * from lead_marketplace.create_credit_purchase(:workspace, 'Infinity');

-- @call complete_stripe_credit_purchase
-- @expect refused P0001 Invalid credit amount: <NULL>
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :workspace, null);
-- @call complete_stripe_credit_purchase
-- @expect refused P0001 Invalid credit amount: -0.01
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :workspace, -0.01);
-- @call complete_stripe_credit_purchase
-- @expect refused P0001 Invalid credit amount: 0.005
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :workspace, 0.005);
-- @call complete_stripe_credit_purchase
-- @expect refused P0001 Invalid credit amount: NaN
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :workspace, 'NaN');

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Invalid credit amount: <NULL>, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, null);
-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Invalid credit amount: 0, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 0);
-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Invalid credit amount: 0.204, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 0.204);
-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Invalid credit amount: NaN, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 'NaN');

-- @check No refusal opened an account
select count(*) = 0
from lead_marketplace.workspace_credits as account
where account.workspace_id = :workspace;

-- The smallest amount, three ways; trailing zeros are no fraction.
-- @call add_workspace_credits
-- @expect ok new_credit_balance=0.01, already_added=false
select * from lead_marketplace.add_workspace_credits(:workspace, 0.01, 'the smallest grant');
-- @call complete_stripe_credit_purchase
-- @expect ok success=true, new_credit_balance=0.02, already_completed=false
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :workspace, 0.010);
-- @call add_workspace_credits
-- @expect ok new_credit_balance=0.22, already_added=false
select * from lead_marketplace.add_workspace_credits(:workspace, 0.2000, 'the price of the lead');
-- @call complete_credit_lead_purchase
-- @expect ok success=true, new_credit_balance=0.02, error_message=null, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 0.20);

-- @check The 0.20 credits were taken, and the ledger says so
select
    entry.amount = -0.20,
    account.balance = 0.02
from lead_marketplace.credit_entries as entry
inner join lead_marketplace.workspace_credits as account on entry.workspace_id = account.workspace_id
where entry.purchase_id = :purchase;

-- The largest amount.
-- @call add_workspace_credits
-- @expect ok new_credit_balance=9999999999.99, already_added=false
select * from lead_marketplace.add_workspace_credits(:rich, 9999999999.99, 'the largest grant');
-- @call create_credit_purchase
-- @expect ok create_credit_purchase=*-*
select * from lead_marketplace.create_credit_purchase(:rich, 9999999999.99);
