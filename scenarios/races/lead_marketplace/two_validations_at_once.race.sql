-- title:    Two buyers look at the same two leads at once, each in an order of their own
-- property: serial, deadlock
-- detects:  lock_timeout_as_refusal, skip_locked_spend, locks_in_caller_order
-- expect:   exactly 0 refused in validate_and_lock_leads_for_purchase
--
-- Nobody buys anything here, so nobody may hear that a lead is gone. The second may hear that it is busy
-- (55P03), which a client answers by trying again; a refusal it would believe. Nor may anybody wait: a
-- buyer who keeps one lead locked while waiting for the other's would meet a deadlock.

-- @values lead_1 uuid, lead_2 uuid, buyer_a uuid, buyer_b uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead_1, 'available', true, 40), (:lead_2, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:buyer_a), (:buyer_b);

-- @session buyer_a
begin;
-- @call validate_and_lock_leads_for_purchase
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead_1], :buyer_a);
-- @call validate_and_lock_leads_for_purchase
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead_2], :buyer_a);
commit;

-- @session buyer_b
begin;
-- @call validate_and_lock_leads_for_purchase
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead_2], :buyer_b);
-- @call validate_and_lock_leads_for_purchase
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead_1], :buyer_b);
commit;
