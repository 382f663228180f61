-- title:    An old generation is settled while a new one is charged, and the credits pay for one
-- property: serial, state, ledger
-- detects:  check_then_act, unguarded_debit
-- expect:   exactly 1 ok
-- expect:   exactly 1 refused
--
-- Both look whether the credits suffice. The one that comes second must be refused; if it was the old one, it stays
-- unbilled, and is settled another time.

-- @values license_key text, tenant uuid, request uuid

-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);
select * from license_billing.add_credits(:license_key, 40, null);
select * from license_billing.record_unbilled_generation(:license_key, 30, :request);

-- @session worker
-- @call settle_unbilled_generation
select * from license_billing.settle_unbilled_generation(:request);

-- @session client
-- @call deduct_credits
select * from license_billing.deduct_credits(:license_key, 30, null);
