-- title:    A refunded purchase is over: it can't be completed again, by credits or by card
-- property: state
-- detects:  state_not_rechecked, not_idempotent
--
-- Completing it once more would charge the buyer a second time, or tell the shop to hand out the
-- download of a purchase whose money went back.

-- @values workspace uuid, lead_a uuid, lead_b uuid, lead_c uuid, by_credits uuid, by_card uuid, owed uuid
-- @values refund text, other_refund text
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead_a, 'available', true, 40), (:lead_b, 'available', true, 5), (:lead_c, 'available', true, 6);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method, status)
values
(:by_credits, :workspace, 'credits', 'pending'),
(:by_card, :workspace, 'card', 'pending'),
(:owed, :workspace, 'card', 'refund_due');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:by_credits, :lead_a, 40), (:by_card, :lead_b, 5), (:owed, :lead_c, 6);

-- @call add_workspace_credits
-- @expect ok
select * from lead_marketplace.add_workspace_credits(:workspace, 100, 'opening balance');
-- @call complete_credit_lead_purchase
-- @expect ok success=true, *
select * from lead_marketplace.complete_credit_lead_purchase(:by_credits, :workspace, 40);
-- @call refund_lead_purchase
-- @expect ok success=true, *
select * from lead_marketplace.refund_lead_purchase(:by_credits, :workspace);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Purchase cannot be completed. Status: refunded, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:by_credits, :workspace, 40);

-- @call complete_stripe_lead_purchase
-- @expect ok success=true, *
select * from lead_marketplace.complete_stripe_lead_purchase(:by_card, 'https://files.example/1');
-- @call settle_card_refund
-- @expect ok success=true, *
select * from lead_marketplace.settle_card_refund(:by_card, :refund);
-- @call complete_stripe_lead_purchase
-- @expect refused success=false, already_completed=false, lead_ids_marked={}
select * from lead_marketplace.complete_stripe_lead_purchase(:by_card, 'https://files.example/1');

-- Owed back, then settled, with its lead on offer all the while.
-- @call settle_card_refund
-- @expect ok success=true, *
select * from lead_marketplace.settle_card_refund(:owed, :other_refund);
-- @call complete_stripe_lead_purchase
-- @expect refused success=false, already_completed=false, lead_ids_marked={}
select * from lead_marketplace.complete_stripe_lead_purchase(:owed, null);

-- @check All three are refunded still, with the times they had
select
    count(*) = 3,
    bool_and(purchase.status = 'refunded' and purchase.refunded_at is not null),
    bool_and((purchase.completed_at is null) = (purchase.id = :owed))
from lead_marketplace.marketplace_purchases as purchase
where purchase.buyer_workspace_id = :workspace;

-- @check The credits are back, and no lead was sold a second time
select
    account.balance = 100,
    (
        select bool_and(lead.sold_count = 1)
        from lead_marketplace.leads as lead
        where lead.id in (:lead_a, :lead_b)
    ),
    (select lead.for_sale from lead_marketplace.leads as lead where lead.id = :lead_c)
from lead_marketplace.workspace_credits as account
where account.workspace_id = :workspace;
