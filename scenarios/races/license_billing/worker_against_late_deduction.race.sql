-- title:    A worker settles a generation while the deduction that seemed lost arrives
-- property: serial, replay, ledger
-- detects:  check_before_lock, status_acted_on_twice
-- expect:   exactly 2 ok
--
-- The worker has the generation on its list, and the deduction charges it first. The worker must leave it alone then
-- and not count it.

-- @values license_key text, tenant uuid, request uuid

-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);
select * from license_billing.add_credits(:license_key, 70, null);
select * from license_billing.record_unbilled_generation(:license_key, 30, :request);

-- @session worker
-- @call settle_unbilled_generations
select * from license_billing.settle_unbilled_generations(10);

-- @session client
-- @call deduct_credits
select * from license_billing.deduct_credits(:license_key, 30, :request);
