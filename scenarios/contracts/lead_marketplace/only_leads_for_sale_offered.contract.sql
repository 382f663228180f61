-- title:    Only leads that are available, listed and priced can be looked at and put into a purchase
-- property: state
-- detects:  state_not_rechecked, null_passes_check
--
-- A draft, a lead that was taken off the list, one without a price and one that is sold are all
-- missing in the same way: the answer counts how many of the leads are there. The look at the leads
-- says what they cost and who they come from, and changes nothing.

-- @values workspace uuid, unknown uuid, partner uuid
-- @values lead_a uuid, lead_b uuid, draft uuid, unlisted uuid, unpriced uuid, gone uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace);
insert into lead_marketplace.leads (
    id,
    partner_id,
    marketplace_status,
    is_marketplace_listed,
    marketplace_price,
    intent_score_calculated,
    freshness_score
)
values (:lead_a, :partner, 'available', true, 40, 71, 93), (:lead_b, null, 'available', true, 0.01, null, null);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values
(:draft, 'draft', true, 40),
(:unlisted, 'available', false, 40),
(:unpriced, 'available', true, null),
(:gone, 'available', true, 40);

-- @call mark_leads_sold_bulk
-- @expect ok leads_marked=1
select * from lead_marketplace.mark_leads_sold_bulk(array[:gone]);

-- @call validate_and_lock_leads_for_purchase
-- @expect ok id=*-*, marketplace_price=40.00, partner_id=*-*, created_at=*, intent_score_calculated=71, freshness_score=93
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead_b, :lead_a], :workspace);

-- @expect ok leads=2, price=40.01
select
    count(*) as leads,
    sum(found.marketplace_price) as price
from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead_b, :lead_a], :workspace) as found;

-- @call validate_and_lock_leads_for_purchase
-- @expect refused P0001 Workspace not found: *-*
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:gone], :unknown);
-- @call validate_and_lock_leads_for_purchase
-- @expect refused P0001 Workspace not found: <NULL>
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:gone], null);
-- @call validate_and_lock_leads_for_purchase
-- @expect refused P0001 Some leads are no longer available for purchase. Requested: 2, Available: 1
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead_a, :unknown], :workspace);
-- @call validate_and_lock_leads_for_purchase
-- @expect refused P0001 Some leads are no longer available for purchase. Requested: 2, Available: 1
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead_a, :draft], :workspace);
-- @call validate_and_lock_leads_for_purchase
-- @expect refused P0001 Some leads are no longer available for purchase. Requested: 2, Available: 1
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead_a, :unlisted], :workspace);
-- @call validate_and_lock_leads_for_purchase
-- @expect refused P0001 Some leads are no longer available for purchase. Requested: 2, Available: 1
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead_a, :unpriced], :workspace);
-- @call validate_and_lock_leads_for_purchase
-- @expect refused P0001 Some leads are no longer available for purchase. Requested: 1, Available: 0
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:gone], :workspace);

-- @call create_lead_purchase
-- @expect refused P0001 Some leads are no longer available for purchase. Requested: 6, Available: 2
select *
from
    lead_marketplace.create_lead_purchase(
        array[:lead_a, :lead_b, :draft, :unlisted, :unpriced, :gone], :workspace, 'card', null
    );
-- @call create_lead_purchase
-- @expect refused P0001 Some leads are no longer available for purchase. Requested: 1, Available: 0
select * from lead_marketplace.create_lead_purchase(array[:draft], :workspace, 'credits', null);
-- @call create_lead_purchase
-- @expect refused P0001 Some leads are no longer available for purchase. Requested: 1, Available: 0
select * from lead_marketplace.create_lead_purchase(array[:unlisted], :workspace, 'credits', null);
-- @call create_lead_purchase
-- @expect refused P0001 Some leads are no longer available for purchase. Requested: 1, Available: 0
select * from lead_marketplace.create_lead_purchase(array[:unpriced], :workspace, 'credits', null);

-- @check Looking and being refused changed nothing
select
    count(*) = 2,
    bool_and(lead.for_sale),
    not exists (
        select 1
        from lead_marketplace.marketplace_purchases as purchase
        where purchase.buyer_workspace_id = :workspace
    )
from lead_marketplace.leads as lead
where lead.id in (:lead_a, :lead_b);
