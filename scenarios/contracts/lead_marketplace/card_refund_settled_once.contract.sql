-- title:    A card refund is recorded once, under the Stripe refund that paid it
-- property: replay, state
-- detects:  not_idempotent, key_reused_for_other_arguments, refund_unbound
--
-- Money that is owed back, or that is given back for a completed purchase, leaves through Stripe.
-- The record binds one Stripe refund to one purchase, both ways: a purchase isn't settled by two
-- refunds, and one refund doesn't settle two purchases.

-- @values workspace uuid, lead uuid, other uuid, refund text, spare text
-- @values due uuid, done uuid, pending uuid, failed uuid, by_credits uuid, unknown uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40), (:other, 'available', true, 5);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method, status)
values
(:due, :workspace, 'card', 'refund_due'),
(:done, :workspace, 'card', 'pending'),
(:pending, :workspace, 'card', 'pending'),
(:failed, :workspace, 'card', 'failed'),
(:by_credits, :workspace, 'credits', 'pending');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values
(:due, :lead, 40),
(:done, :lead, 40),
(:pending, :other, 5),
(:failed, :other, 5),
(:by_credits, :other, 5);

-- @call complete_stripe_lead_purchase
-- @expect ok success=true, *
select * from lead_marketplace.complete_stripe_lead_purchase(:done, null);

-- @call settle_card_refund
-- @expect refused P0001 Stripe refund id is missing
select * from lead_marketplace.settle_card_refund(:unknown, null);
-- @call settle_card_refund
-- @expect refused P0001 Stripe refund id is missing
select * from lead_marketplace.settle_card_refund(:unknown, '  ');
-- @call settle_card_refund
-- @expect refused P0001 Purchase not found: *-*
select * from lead_marketplace.settle_card_refund(:unknown, :refund);
-- @call settle_card_refund
-- @expect refused P0001 Purchase not found: <NULL>
select * from lead_marketplace.settle_card_refund(null, :refund);
-- @call settle_card_refund
-- @expect refused P0001 Purchase is not paid by card: *-*
select * from lead_marketplace.settle_card_refund(:by_credits, :refund);
-- @call settle_card_refund
-- @expect refused P0001 Purchase cannot be refunded. Status: pending
select * from lead_marketplace.settle_card_refund(:pending, :refund);
-- @call settle_card_refund
-- @expect refused P0001 Purchase cannot be refunded. Status: failed
select * from lead_marketplace.settle_card_refund(:failed, :refund);

-- @call settle_card_refund
-- @expect ok success=true, already_refunded=false
select * from lead_marketplace.settle_card_refund(:due, :refund);

-- @check The purchase says by which refund it was settled
select
    purchase.status = 'refunded' and purchase.completed_at is null,
    purchase.refunded_at is not null,
    purchase.stripe_refund_id = :refund
from lead_marketplace.marketplace_purchases as purchase
where purchase.id = :due;

-- @call settle_card_refund
-- @expect ok success=true, already_refunded=true
select * from lead_marketplace.settle_card_refund(:due, :refund);
-- @call settle_card_refund
-- @expect refused P0001 Purchase was refunded by another Stripe refund: *-*
select * from lead_marketplace.settle_card_refund(:due, :spare);
-- @call settle_card_refund
-- @expect refused P0001 Stripe refund was used for another purchase: *
select * from lead_marketplace.settle_card_refund(:done, :refund);

-- @check A refund that was refused left the purchase completed
select purchase.status = 'completed' and purchase.stripe_refund_id is null
from lead_marketplace.marketplace_purchases as purchase
where purchase.id = :done;

-- @call settle_card_refund
-- @expect ok success=true, already_refunded=false
select * from lead_marketplace.settle_card_refund(:done, :spare);

-- @check The buyer has seen the lead: it stays sold, and no credit has moved
select
    lead.marketplace_status = 'sold' and lead.sold_count = 1,
    not exists (
        select 1 from lead_marketplace.workspace_credits as account where account.workspace_id = :workspace
    )
from lead_marketplace.leads as lead
where lead.id = :lead;
