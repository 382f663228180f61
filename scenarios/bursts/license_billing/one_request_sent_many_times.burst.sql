-- title:    Each of five requests is charged by ten retries at the same instant, and paid once
-- property: replay, ledger
-- detects:  not_idempotent, insert_where_not_exists, replay_fails_raw
-- callers:  50
-- spread:   5
-- expect:   all ok
--
-- A plugin that hears nothing sends its request again, and all of the retries arrive together.

-- @entity license_key text, tenant uuid, request uuid
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);
select * from license_billing.add_credits(:license_key, 100, null);

-- @call deduct_credits
select * from license_billing.deduct_credits(:license_key, 30, :request);

-- @check Each request is charged once
select license.credits_remaining = 70
from license_billing.licenses as license
where license.license_key = :license_key;
