-- title:    Credits are added to a license while a generation is charged to it
-- property: serial, ledger
-- detects:  read_modify_write, stale_balance_in_entry, skip_locked_spend
-- expect:   exactly 2 ok
--
-- Both read the balance and write a new one. If one of them writes what it made of a balance that the other has changed
-- since, that change is gone, or the entry tells of a balance that never was.

-- @values license_key text, tenant uuid

-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);
select * from license_billing.add_credits(:license_key, 40, null);

-- @session buyer
-- @call add_credits
select * from license_billing.add_credits(:license_key, 100, null);

-- @session generator
-- @call deduct_credits
select * from license_billing.deduct_credits(:license_key, 30, null);
