-- title:    Two workers settle the same generation
-- property: serial, replay, ledger
-- detects:  check_before_lock, status_acted_on_twice, not_idempotent
-- expect:   exactly 2 ok in settle_unbilled_generation
--
-- Both find it unbilled. The one that gets the license's lock second must look again, and find it charged.

-- @values license_key text, tenant uuid, request uuid

-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);
select * from license_billing.add_credits(:license_key, 100, null);
select * from license_billing.record_unbilled_generation(:license_key, 30, :request);

-- @session one_worker
-- @call settle_unbilled_generation
select * from license_billing.settle_unbilled_generation(:request);

-- @session other_worker
-- @call settle_unbilled_generation
select * from license_billing.settle_unbilled_generation(:request);
