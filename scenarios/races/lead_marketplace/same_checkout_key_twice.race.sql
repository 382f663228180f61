-- title:    One checkout for credits is opened twice at once, under one request key
-- property: serial, replay
-- detects:  check_before_lock, raw_unique_violation, unique_missing_on_key, insert_where_not_exists
-- expect:   exactly 2 ok in create_credit_purchase
--
-- Two requests with one key are one checkout. If both look for the key before either has stored it, there are
-- two checkouts to pay, or the second request fails with a raw unique violation that the client can't tell
-- from a broken server. Both must return the same id.

-- @values workspace uuid, request_key uuid

-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace);

-- @session first_try
-- @call create_credit_purchase
select * from lead_marketplace.create_credit_purchase(:workspace, 60, :request_key);

-- @session second_try
-- @call create_credit_purchase
select * from lead_marketplace.create_credit_purchase(:workspace, 60, :request_key);
