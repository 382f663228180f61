-- title:     One checkout is opened twice at once, under one request key, at repeatable read
-- property:  serial, replay
-- detects:   check_before_lock, exception_swallowed, raw_unique_violation
-- isolation: repeatable read
-- expect:    exactly 0 error
--
-- At this isolation level a transaction sees the data as it was when it began, even after it has waited for a
-- lock. Looking for the key behind a lock finds nothing of a request that committed meanwhile. PostgreSQL
-- notices when both insert, and the second caller must hear "try again" (40001) and nothing else.

-- @values workspace uuid, request_key uuid

-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace);

-- @session first_try
-- @call create_credit_purchase
select * from lead_marketplace.create_credit_purchase(:workspace, 60, :request_key);

-- @session second_try
-- @call create_credit_purchase
select * from lead_marketplace.create_credit_purchase(:workspace, 60, :request_key);
