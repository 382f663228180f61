-- title:    A list of leads that is empty, or has a null or a lead twice, is refused
-- property: input
-- detects:  null_passes_check
--
-- All three functions that take a list look at it before anything else, and the first thing that is
-- wrong with it is the answer. A null in an array makes "not in" and "= any" neither true nor false,
-- and a lead given twice would be paid twice.

-- @values workspace uuid, unknown uuid, lead uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);

-- @call validate_and_lock_leads_for_purchase
-- @expect refused P0001 No leads given
select * from lead_marketplace.validate_and_lock_leads_for_purchase(null, :unknown);
-- @call validate_and_lock_leads_for_purchase
-- @expect refused P0001 No leads given
select * from lead_marketplace.validate_and_lock_leads_for_purchase('{}', :unknown);
-- @call validate_and_lock_leads_for_purchase
-- @expect refused P0001 A lead id is null
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead, :lead, null], :unknown);
-- @call validate_and_lock_leads_for_purchase
-- @expect refused P0001 A lead is given twice
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead, :lead], :unknown);

-- @call create_lead_purchase
-- @expect refused P0001 No leads given
select * from lead_marketplace.create_lead_purchase(null, :unknown, 'cash', null);
-- @call create_lead_purchase
-- @expect refused P0001 No leads given
select * from lead_marketplace.create_lead_purchase('{}', :unknown, 'cash', null);
-- @call create_lead_purchase
-- @expect refused P0001 A lead id is null
select * from lead_marketplace.create_lead_purchase(array[null, :lead, :lead]::uuid[], :unknown, 'cash', null);
-- @call create_lead_purchase
-- @expect refused P0001 A lead id is null
select * from lead_marketplace.create_lead_purchase(array[:lead, null], :workspace, 'credits', null);
-- @call create_lead_purchase
-- @expect refused P0001 A lead is given twice
select * from lead_marketplace.create_lead_purchase(array[:lead, :lead], :unknown, 'cash', null);
-- @call create_lead_purchase
-- @expect refused P0001 A lead is given twice
select * from lead_marketplace.create_lead_purchase(array[:lead, :lead], :workspace, 'credits', null);

-- @call mark_leads_sold_bulk
-- @expect refused P0001 No leads given
select * from lead_marketplace.mark_leads_sold_bulk(null);
-- @call mark_leads_sold_bulk
-- @expect refused P0001 No leads given
select * from lead_marketplace.mark_leads_sold_bulk('{}');
-- @call mark_leads_sold_bulk
-- @expect refused P0001 A lead id is null
select * from lead_marketplace.mark_leads_sold_bulk(array[:unknown, null]);
-- @call mark_leads_sold_bulk
-- @expect refused P0001 A lead is given twice
select * from lead_marketplace.mark_leads_sold_bulk(array[:lead, :lead]);

-- @check No refusal wrote a purchase down or sold the lead
select
    lead.for_sale,
    not exists (
        select 1
        from lead_marketplace.marketplace_purchases as purchase
        where purchase.buyer_workspace_id = :workspace
    )
from lead_marketplace.leads as lead
where lead.id = :lead;
