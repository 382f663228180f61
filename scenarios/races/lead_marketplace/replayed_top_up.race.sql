-- title:    Stripe delivers one top-up twice at once
-- property: serial, replay, ledger
-- detects:  check_before_lock, effect_before_claim, not_idempotent
-- expect:   exactly 2 ok in complete_stripe_credit_purchase
--
-- The card has paid for 60 credits once. If both deliveries find the top-up still pending, both add 60. The
-- second must wait for the first, add nothing, and give the same answer.

-- @values workspace uuid, top_up uuid

-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace);
select * from lead_marketplace.add_workspace_credits(:workspace, 40, 'opening balance');
insert into lead_marketplace.credit_purchases (id, workspace_id, credits) values (:top_up, :workspace, 60);

-- @session first_delivery
-- @call complete_stripe_credit_purchase
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :workspace, 60);

-- @session second_delivery
-- @call complete_stripe_credit_purchase
select * from lead_marketplace.complete_stripe_credit_purchase(:top_up, :workspace, 60);
