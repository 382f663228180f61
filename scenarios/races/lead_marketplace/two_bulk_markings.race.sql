-- title:    Two imports mark the same leads sold, listed in opposite orders
-- property: serial, state
-- detects:  locks_in_caller_order
--
-- The lists come from outside, and nobody sorts them there. If each import locks its leads in the order of its
-- list, each soon holds what the other needs next: a deadlock, and one whole import fails. Locked in one
-- order, the second waits, and finds nothing left to mark.

-- @values lead_1 uuid, lead_2 uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead_1, 'available', true, 40), (:lead_2, 'available', true, 40);

-- @session import_a
-- @call mark_leads_sold_bulk
select * from lead_marketplace.mark_leads_sold_bulk(array[:lead_1, :lead_2]);

-- @session import_b
-- @call mark_leads_sold_bulk
select * from lead_marketplace.mark_leads_sold_bulk(array[:lead_2, :lead_1]);
