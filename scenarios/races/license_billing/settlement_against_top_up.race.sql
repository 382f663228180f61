-- title:    A generation is settled while the credits for it are added
-- property: serial, state, ledger
-- detects:  read_modify_write, lock_timeout_as_refusal, skip_locked_spend
-- expect:   exactly 1 ok in add_credits
-- expect:   exactly 0 error
--
-- Before the top-up the credits don't suffice, after it they do. What must not happen is that the settlement takes
-- credits that the top-up then writes over.

-- @values license_key text, tenant uuid, request uuid

-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);
select * from license_billing.add_credits(:license_key, 30, null);
select * from license_billing.record_unbilled_generation(:license_key, 30, :request);

-- @session buyer
-- @call add_credits
select * from license_billing.add_credits(:license_key, 20, null);

-- @session worker
-- @call settle_unbilled_generation
select * from license_billing.settle_unbilled_generation(:request);
