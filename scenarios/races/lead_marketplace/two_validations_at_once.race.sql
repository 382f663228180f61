-- title:    Two buyers look at the same lead at once
-- property: serial
-- detects:  lock_timeout_as_refusal, skip_locked_spend
-- expect:   exactly 0 refused in validate_and_lock_leads_for_purchase
--
-- Nobody buys anything here, so nobody may hear that the lead is gone. The second may hear that it is busy
-- (55P03), which a client answers by trying again; a refusal it would believe.

-- @values lead uuid, buyer_a uuid, buyer_b uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:buyer_a), (:buyer_b);

-- @session buyer_a
-- @call validate_and_lock_leads_for_purchase
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead], :buyer_a);

-- @session buyer_b
-- @call validate_and_lock_leads_for_purchase
select * from lead_marketplace.validate_and_lock_leads_for_purchase(array[:lead], :buyer_b);
