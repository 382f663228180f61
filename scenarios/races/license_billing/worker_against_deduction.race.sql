-- title:    A worker settles an old generation while a new one is charged, and the credits pay for one
-- property: serial, state, ledger
-- detects:  check_then_act
-- expect:   exactly 1 ok in settle_unbilled_generations
-- expect:   exactly 0 error
--
-- A worker that looked at the balance before it had the license's lock would charge what isn't there any more, and fail
-- for all the other generations too.

-- @values license_key text, tenant uuid, request uuid

-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);
select * from license_billing.add_credits(:license_key, 40, null);
select * from license_billing.record_unbilled_generation(:license_key, 30, :request);

-- @session worker
-- @call settle_unbilled_generations
select * from license_billing.settle_unbilled_generations(10);

-- @session client
-- @call deduct_credits
select * from license_billing.deduct_credits(:license_key, 30, null);
