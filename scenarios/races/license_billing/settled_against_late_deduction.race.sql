-- title:    A generation is settled while the deduction that seemed lost arrives
-- property: serial, replay, ledger
-- detects:  check_before_lock, status_acted_on_twice
-- expect:   exactly 2 ok
--
-- Two functions charge the same generation. Whichever is second must find that it is charged, and answer with the same
-- balance.

-- @values license_key text, tenant uuid, request uuid

-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);
select * from license_billing.add_credits(:license_key, 100, null);
select * from license_billing.record_unbilled_generation(:license_key, 30, :request);

-- @session client
-- @call deduct_credits
select * from license_billing.deduct_credits(:license_key, 30, :request);

-- @session worker
-- @call settle_unbilled_generation
select * from license_billing.settle_unbilled_generation(:request);
