-- title:    Two workers run at once
-- property: serial, replay, ledger
-- detects:  status_acted_on_twice, check_before_lock
-- expect:   exactly 2 ok in settle_unbilled_generations
--
-- Both see the same list of what is open. What one has charged the other must leave alone, and not count either.

-- @values license_key text, tenant uuid, request uuid

-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);
select * from license_billing.add_credits(:license_key, 100, null);
select * from license_billing.record_unbilled_generation(:license_key, 30, :request);

-- @session one_worker
-- @call settle_unbilled_generations
select * from license_billing.settle_unbilled_generations(10);

-- @session other_worker
-- @call settle_unbilled_generations
select * from license_billing.settle_unbilled_generations(10);
