-- title:    Credit that would lift a balance above the largest amount is refused, not cut off or lost
-- property: input, state
-- detects:  exception_swallowed, clamped_at_zero
--
-- Grants, top-ups and refunds all add credit. Where it doesn't fit, the call is refused as a
-- business answer, nothing of it stays behind, and it goes through once there is room.

-- @values workspace uuid, key uuid, top_up uuid, lead uuid, dear_a uuid, dear_b uuid, purchase uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace);
insert into lead_marketplace.credit_purchases (id, workspace_id, credits) values (:top_up, :workspace, 0.01);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values
(:lead, 'available', true, 40),
(:dear_a, 'available', true, 9999999999.99),
(:dear_b, 'available', true, 0.01);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase, :workspace, 'credits');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead, 40);

-- @call add_workspace_credits
-- @expect ok new_credit_balance=9999999999.99, already_added=false
select * from lead_marketplace.add_workspace_credits(:workspace, 9999999999.99, 'all there is');

-- @call add_workspace_credits
-- @expect refused P0001 Credit balance would be too large: 10000000000.00
select * from lead_marketplace.add_workspace_credits(:workspace, 0.01, 'one cent more', :key);
-- @call complete_stripe_credit_purchase
-- @expect refused P0001 Credit balance would be too large: 10000000000.00
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :workspace, 0.01);

-- @check The refused grant and top-up left nothing behind
select
    account.balance = 9999999999.99,
    not exists (
        select 1 from lead_marketplace.credit_grants as granted where granted.request_key = :key
    ),
    exists (
        select 1
        from lead_marketplace.credit_purchases as top_up
        where top_up.id = :top_up and top_up.status = 'pending'
    )
from lead_marketplace.workspace_credits as account
where account.workspace_id = :workspace;

-- Spending makes room, which the next two movements fill again.
-- @call complete_credit_lead_purchase
-- @expect ok success=true, new_credit_balance=9999999959.99, error_message=null, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 40);
-- @call complete_stripe_credit_purchase
-- @expect ok success=true, new_credit_balance=9999999960.00, already_completed=false
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :workspace, 0.01);
-- @call add_workspace_credits
-- @expect ok new_credit_balance=9999999960.01, already_added=false
select * from lead_marketplace.add_workspace_credits(:workspace, 0.01, 'one cent more', :key);

-- @call refund_lead_purchase
-- @expect refused P0001 Credit balance would be too large: 10000000000.01
select * from lead_marketplace.refund_lead_purchase(:purchase, :workspace);

-- @check The refused refund left the purchase completed
select
    purchase.status = 'completed',
    purchase.refunded_at is null,
    account.balance = 9999999960.01
from lead_marketplace.marketplace_purchases as purchase
inner join lead_marketplace.workspace_credits as account on purchase.buyer_workspace_id = account.workspace_id
where purchase.id = :purchase;

-- No balance could ever pay for this basket.
-- @call create_lead_purchase
-- @expect refused P0001 Price is too large: 10000000000.00
select * from lead_marketplace.create_lead_purchase(array[:dear_a, :dear_b], :workspace, 'credits', null);
