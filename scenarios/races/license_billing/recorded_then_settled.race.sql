-- title:    The service records a generation and then settles it, while a worker runs
-- property: serial, replay, ledger
-- detects:  lock_split_across_calls, status_acted_on_twice
-- expect:   exactly 3 ok
--
-- Each call is a transaction of its own, so what the record said about the generation may be old when the settlement
-- comes: a worker that runs in between has charged it. The settlement has to look itself.

-- @values license_key text, tenant uuid, request uuid

-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);
select * from license_billing.add_credits(:license_key, 100, null);

-- @session service
-- @call record_unbilled_generation
select * from license_billing.record_unbilled_generation(:license_key, 30, :request);
-- @call settle_unbilled_generation
select * from license_billing.settle_unbilled_generation(:request);

-- @session worker
-- @call settle_unbilled_generations
select * from license_billing.settle_unbilled_generations(10);
