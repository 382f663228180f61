-- title:    One top-up is announced twice at once, under one request id
-- property: serial, replay, ledger
-- detects:  effect_before_claim, insert_where_not_exists, check_before_lock, not_idempotent
-- expect:   exactly 2 ok in add_credits
--
-- The customer has paid once. A second announcement that only looks for the first one doesn't see it before it has
-- committed, and adds the credits again.

-- @values license_key text, tenant uuid, request uuid

-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);

-- @session first_announcement
-- @call add_credits
select * from license_billing.add_credits(:license_key, 100, :request);

-- @session second_announcement
-- @call add_credits
select * from license_billing.add_credits(:license_key, 100, :request);
