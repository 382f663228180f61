-- title:    A card payment sells its leads once, however often Stripe announces it
-- property: replay, state
-- detects:  not_idempotent, key_reused_for_other_arguments, row_count_ignored
--
-- The purchase is the key. A second delivery says what the first one said, with success, so that the
-- webhook answers Stripe as before and the buyer's download stays what it was. A card payment moves
-- no credit.

-- @values workspace uuid, lead_a uuid, lead_b uuid, other_lead uuid
-- @values purchase uuid, plain uuid, empty uuid, by_credits uuid, unknown uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead_a, 'available', true, 40), (:lead_b, 'available', true, 2.50), (:other_lead, 'available', true, 1);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values
(:purchase, :workspace, 'card'),
(:plain, :workspace, 'card'),
(:empty, :workspace, 'card'),
(:by_credits, :workspace, 'credits');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead_a, 40), (:purchase, :lead_b, 2.50), (:plain, :other_lead, 1);

-- @call complete_stripe_lead_purchase
-- @expect refused P0001 Purchase not found: *-*
select * from lead_marketplace.complete_stripe_lead_purchase(:unknown, 'https://files.example/1');
-- @call complete_stripe_lead_purchase
-- @expect refused P0001 Purchase not found: <NULL>
select * from lead_marketplace.complete_stripe_lead_purchase(null, 'https://files.example/1');
-- @call complete_stripe_lead_purchase
-- @expect refused P0001 Purchase is not paid by card: *-*
select * from lead_marketplace.complete_stripe_lead_purchase(:by_credits, 'https://files.example/1');
-- @call complete_stripe_lead_purchase
-- @expect refused P0001 No leads found for purchase: *-*
select * from lead_marketplace.complete_stripe_lead_purchase(:empty, 'https://files.example/1');

-- @call complete_stripe_lead_purchase
-- @expect ok success=true, already_completed=false, lead_ids_marked={*-*,*-*}
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase, 'https://files.example/1');

-- @check The purchase is completed, its download lasts for 90 days, its leads are sold once
select
    purchase.status = 'completed',
    purchase.download_url = 'https://files.example/1',
    purchase.download_expires_at = purchase.completed_at + interval '90 days',
    (
        select count(*) = 2 and bool_and(item.sold and lead.marketplace_status = 'sold' and lead.sold_count = 1)
        from lead_marketplace.marketplace_purchase_items as item
        inner join lead_marketplace.leads as lead on item.lead_id = lead.id
        where item.purchase_id = purchase.id
    )
from lead_marketplace.marketplace_purchases as purchase
where purchase.id = :purchase;

-- @expect ok success=true, already_completed=true, the_same_leads=true
select
    completed.success,
    completed.already_completed,
    completed.lead_ids_marked = array[:lead_a, :lead_b] as the_same_leads
from lead_marketplace.complete_stripe_lead_purchase(:purchase, 'https://files.example/1') as completed;

-- @call complete_stripe_lead_purchase
-- @expect refused P0001 Purchase was completed with another download URL: *-*
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase, 'https://files.example/2');
-- @call complete_stripe_lead_purchase
-- @expect refused P0001 Purchase was completed with another download URL: *-*
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase, null);

-- @call complete_stripe_lead_purchase
-- @expect ok success=true, already_completed=false, lead_ids_marked={*-*}
select * from lead_marketplace.complete_stripe_lead_purchase(:plain);
-- @call complete_stripe_lead_purchase
-- @expect ok success=true, already_completed=true, lead_ids_marked={*-*}
select * from lead_marketplace.complete_stripe_lead_purchase(:plain, null);
-- @call complete_stripe_lead_purchase
-- @expect refused P0001 Purchase was completed with another download URL: *-*
select * from lead_marketplace.complete_stripe_lead_purchase(:plain, 'https://files.example/1');

-- @check The repeats sold nothing again, kept the download, and no credit has moved
select
    count(*) = 3,
    bool_and(lead.sold_count = 1),
    (
        select purchase.download_url = 'https://files.example/1'
        from lead_marketplace.marketplace_purchases as purchase
        where purchase.id = :purchase
    ),
    not exists (
        select 1 from lead_marketplace.workspace_credits as account where account.workspace_id = :workspace
    )
from lead_marketplace.leads as lead
where lead.id in (:lead_a, :lead_b, :other_lead);
