-- title:    Two generations are charged to a license that can pay for one
-- property: serial, state, ledger
-- detects:  check_then_act, read_modify_write, lock_timeout_as_refusal
-- expect:   exactly 1 ok in deduct_credits
-- expect:   exactly 1 refused in deduct_credits
--
-- Each fits the balance alone, both together don't. If each of them looks at the balance before the other has taken
-- its credits, both find it enough.

-- @values license_key text, tenant uuid

-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);
select * from license_billing.add_credits(:license_key, 50, null);

-- @session first
-- @call deduct_credits
select * from license_billing.deduct_credits(:license_key, 30, null);

-- @session second
-- @call deduct_credits
select * from license_billing.deduct_credits(:license_key, 30, null);
