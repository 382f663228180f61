-- title:    One purchase is written down twice at once, under one request key
-- property: serial, replay
-- detects:  unique_missing_on_key, raw_unique_violation, insert_where_not_exists, check_before_lock
-- expect:   exactly 2 ok in create_lead_purchase
--
-- The client has sent its request again because no answer came. If both calls look for the key before either has
-- stored it, the buyer gets two purchases of one basket and may pay both. Both calls must return the same id.

-- @values lead uuid, buyer uuid, request_key uuid

-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);
insert into lead_marketplace.workspaces (id) values (:buyer);

-- @session first_try
-- @call create_lead_purchase
select * from lead_marketplace.create_lead_purchase(array[:lead], :buyer, 'credits', :request_key);

-- @session second_try
-- @call create_lead_purchase
select * from lead_marketplace.create_lead_purchase(array[:lead], :buyer, 'credits', :request_key);
