-- title:     One top-up is announced twice at once, by clients at repeatable read
-- property:  serial, replay, ledger
-- detects:   check_before_lock, insert_where_not_exists
-- isolation: repeatable read
-- expect:    exactly 0 error
--
-- At this level a transaction goes on seeing what it saw first, whatever it waits for. The one that comes too late must
-- be told to try again (40001), and must neither add the credits again nor fail on an index.

-- @values license_key text, tenant uuid, request uuid

-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);

-- @session first_announcement
-- @call add_credits
select * from license_billing.add_credits(:license_key, 100, :request);

-- @session second_announcement
-- @call add_credits
select * from license_billing.add_credits(:license_key, 100, :request);
