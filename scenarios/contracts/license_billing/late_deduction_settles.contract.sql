-- title:    A deduction and a record of the same generation charge it once, whichever comes first
-- property: replay, ledger
-- detects:  not_idempotent, check_before_lock
--
-- The service doesn't know whether the deduction went through when it records the generation, so both orders happen.
-- A deduction that comes later asks for the license's state as ever; what it refuses stays to be settled.

-- @values license_key text, tenant uuid, recorded_first uuid, deducted_first uuid, refused uuid
-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);

-- @call add_credits
-- @expect ok add_credits=100
select * from license_billing.add_credits(:license_key, 100, null);

-- @call record_unbilled_generation
-- @expect ok billed=false, already_recorded=false
select * from license_billing.record_unbilled_generation(:license_key, 30, :recorded_first, 'a text');
-- @call record_unbilled_generation
-- @expect ok billed=false, already_recorded=false
select * from license_billing.record_unbilled_generation(:license_key, 10, :refused, 'a text');
-- @call deduct_credits
-- @expect ok deduct_credits=70
select * from license_billing.deduct_credits(:license_key, 30, :recorded_first);
-- @call settle_unbilled_generation
-- @expect ok settle_unbilled_generation=70
select * from license_billing.settle_unbilled_generation(:recorded_first);

-- @call deduct_credits
-- @expect ok deduct_credits=50
select * from license_billing.deduct_credits(:license_key, 20, :deducted_first);
-- @call record_unbilled_generation
-- @expect ok billed=true, already_recorded=false
select * from license_billing.record_unbilled_generation(:license_key, 20, :deducted_first, 'a text');
-- @call record_unbilled_generation
-- @expect ok billed=true, already_recorded=true
select * from license_billing.record_unbilled_generation(:license_key, 20, :deducted_first, 'a text');
-- @call settle_unbilled_generation
-- @expect ok settle_unbilled_generation=50
select * from license_billing.settle_unbilled_generation(:deducted_first);

-- @as superuser
-- @expect ok
update license_billing.licenses set is_active = false where license_key = :license_key;
-- @as service_role
-- @call deduct_credits
-- @expect refused P0001 INACTIVE_LICENSE: *
select * from license_billing.deduct_credits(:license_key, 10, :refused);

-- @check Two are charged and settled, one is neither
select
    count(*) filter (where generation.settled_at is not null and entry.entry_no = generation.entry_no) = 2,
    count(*) filter (where generation.settled_at is null and entry.entry_no is null) = 1,
    count(*) = 3
from license_billing.unbilled_generations as generation
left join license_billing.credit_entries as entry on generation.request_id = entry.request_id
where generation.request_id in (:recorded_first, :deducted_first, :refused);

-- @call settle_unbilled_generation
-- @expect ok settle_unbilled_generation=40
select * from license_billing.settle_unbilled_generation(:refused);
