-- title:    Fifty generations are charged to one license at the same instant, and it can pay for seven
-- property: serial, ledger
-- detects:  check_then_act, read_modify_write
-- callers:  50
-- expect:   exactly 7 ok in deduct_credits
-- expect:   the others refused
--
-- 7 credits, and everybody wants one. Seven generations are charged; the others are refused and leave nothing.

-- @values license_key text, tenant uuid
-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);
select * from license_billing.add_credits(:license_key, 7, null);

-- @caller request uuid

-- @call deduct_credits
select * from license_billing.deduct_credits(:license_key, 1, :request);

-- @check Seven credits are spent, and nothing more
select
    charged.credits_remaining = 0 as all_spent,
    (
        select sum(entry.amount) = -7 from license_billing.credit_entries as entry
        where entry.license_id = charged.id and entry.kind = 'usage'
    ) as seven_charged
from license_billing.licenses as charged
where charged.license_key = :license_key;
