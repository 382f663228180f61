-- title:    Two licenses are charged under one request id at once
-- property: serial, replay, ledger
-- detects:  key_reused_for_other_arguments, raw_unique_violation, check_before_lock
-- expect:   exactly 1 ok in deduct_credits
-- expect:   exactly 1 refused in deduct_credits
--
-- The lock of a license keeps nobody away from another one, so it can't tell that the id is taken. The second caller
-- must hear that it is, and not fail on an index.

-- @values license_key text, other_license_key text, tenant uuid, request uuid

-- @setup
insert into license_billing.licenses (license_key, tenant_id)
values (:license_key, :tenant), (:other_license_key, :tenant);
select * from license_billing.add_credits(:license_key, 30, null);
select * from license_billing.add_credits(:other_license_key, 30, null);

-- @session one
-- @call deduct_credits
select * from license_billing.deduct_credits(:license_key, 30, :request);

-- @session other
-- @call deduct_credits
select * from license_billing.deduct_credits(:other_license_key, 30, :request);
