-- title:    Bulk marking moves leads from available to sold, and counts the ones it moved
-- property: state, replay
-- detects:  row_count_ignored, state_not_rechecked, not_idempotent
--
-- It is for leads that were sold elsewhere. A lead that is sold already or still a draft is left as
-- it is and not counted, so that sending the same list again is harmless. A lead that doesn't exist
-- is a mistake in the list, and then none of it is marked.

-- @values workspace uuid, lead_a uuid, lead_b uuid, unlisted uuid, draft uuid, unknown uuid, purchase uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values
(:lead_a, 'available', true, 40),
(:lead_b, 'available', true, 5),
(:unlisted, 'available', false, null),
(:draft, 'draft', true, 40);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase, :workspace, 'card');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead_a, 40);

-- @call mark_leads_sold_bulk
-- @expect refused P0001 Some leads do not exist. Requested: 3, Found: 2
select * from lead_marketplace.mark_leads_sold_bulk(array[:lead_a, :unknown, :lead_b]);

-- @check The refusal marked nothing
select count(*) = 2 and bool_and(lead.for_sale)
from lead_marketplace.leads as lead
where lead.id in (:lead_a, :lead_b);

-- @call complete_stripe_lead_purchase
-- @expect ok success=true, *
select * from lead_marketplace.complete_stripe_lead_purchase(:purchase, null);

-- @call mark_leads_sold_bulk
-- @expect ok leads_marked=2
select * from lead_marketplace.mark_leads_sold_bulk(array[:unlisted, :draft, :lead_b, :lead_a]);
-- @call mark_leads_sold_bulk
-- @expect ok leads_marked=0
select * from lead_marketplace.mark_leads_sold_bulk(array[:lead_a, :lead_b, :unlisted, :draft]);

-- @check Each lead was sold once, and the draft is a draft
select
    count(*) = 4,
    count(*) filter (where lead.marketplace_status = 'sold' and lead.sold_count = 1 and lead.sold_at is not null) = 3,
    count(*) filter (where lead.id = :draft and lead.marketplace_status = 'draft' and lead.sold_count = 0) = 1
from lead_marketplace.leads as lead
where lead.id in (:lead_a, :lead_b, :unlisted, :draft);
