-- title:    A card payment that comes too late is owed back, and never sells
-- property: state
-- detects:  state_not_rechecked, lock_split_across_calls, exception_swallowed
--
-- When Stripe calls, the card has been charged. A purchase that expired, that failed, or whose lead
-- somebody else has bought can't be completed any more, and refusing the webhook would forget the
-- money. It becomes refund_due: no success, no lead, and a row that says what is owed.

-- @values winner uuid, late uuid, lead uuid, rest uuid, spare uuid, own uuid
-- @values first uuid, gone uuid, expired uuid, failed uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:winner), (:late);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values
(:lead, 'available', true, 40),
(:rest, 'available', true, 5),
(:spare, 'available', true, 6),
(:own, 'available', true, 7);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method, status, expires_at)
values
(:first, :winner, 'card', 'pending', now() + interval '1 hour'),
(:gone, :late, 'card', 'pending', now() + interval '1 hour'),
(:expired, :late, 'card', 'pending', now() - interval '1 hour'),
(:failed, :late, 'card', 'failed', now() - interval '1 hour');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:first, :lead, 40), (:gone, :lead, 40), (:gone, :rest, 5), (:expired, :spare, 6), (:failed, :own, 7);

-- @call complete_stripe_lead_purchase
-- @expect ok success=true, already_completed=false, lead_ids_marked={*-*}
select * from lead_marketplace.complete_stripe_lead_purchase(:first, 'https://files.example/winner');

-- @call complete_stripe_lead_purchase
-- @expect refused success=false, already_completed=false, lead_ids_marked={}
select * from lead_marketplace.complete_stripe_lead_purchase(:gone, 'https://files.example/late');
-- @call complete_stripe_lead_purchase
-- @expect refused success=false, already_completed=false, lead_ids_marked={}
select * from lead_marketplace.complete_stripe_lead_purchase(:expired, 'https://files.example/late');
-- @call complete_stripe_lead_purchase
-- @expect refused success=false, already_completed=false, lead_ids_marked={}
select * from lead_marketplace.complete_stripe_lead_purchase(:failed, 'https://files.example/late');

-- @check All three payments are owed back
select
    count(*) = 3,
    bool_and(purchase.status = 'refund_due' and purchase.completed_at is null and purchase.download_url is null)
from lead_marketplace.marketplace_purchases as purchase
where purchase.id in (:gone, :expired, :failed);

-- The second delivery of the same event.
-- @call complete_stripe_lead_purchase
-- @expect refused success=false, already_completed=false, lead_ids_marked={}
select * from lead_marketplace.complete_stripe_lead_purchase(:gone, 'https://files.example/late');
-- @call complete_stripe_lead_purchase
-- @expect refused success=false, already_completed=false, lead_ids_marked={}
select * from lead_marketplace.complete_stripe_lead_purchase(:expired, 'https://files.example/late');

-- @check The lead was sold to the first buyer alone, and all others are on offer
select
    count(*) = 4,
    bool_and(case when lead.id = :lead then lead.sold_count = 1 else lead.for_sale end),
    not exists (
        select 1
        from lead_marketplace.marketplace_purchase_items as item
        where item.purchase_id in (:gone, :expired, :failed) and item.sold
    )
from lead_marketplace.leads as lead
where lead.id in (:lead, :rest, :spare, :own);
