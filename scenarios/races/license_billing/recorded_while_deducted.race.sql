-- title:    A generation is recorded as unbilled while its deduction goes through after all
-- property: serial, replay, ledger
-- detects:  check_before_lock, status_acted_on_twice
-- expect:   exactly 2 ok
--
-- The connection was lost, so the service doesn't know that the deduction is still under way. Either the record comes
-- first, and the deduction settles it; or the deduction does, and the record says that it is billed. A record that
-- stays open beside a deduction that was made asks for the credits a second time.

-- @values license_key text, tenant uuid, request uuid

-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);
select * from license_billing.add_credits(:license_key, 100, null);

-- @session late_deduction
-- @call deduct_credits
select * from license_billing.deduct_credits(:license_key, 30, :request);

-- @session service
-- @call record_unbilled_generation
select * from license_billing.record_unbilled_generation(:license_key, 30, :request);
