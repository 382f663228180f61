-- title:    The worker charges what can be paid, the oldest of a license first, and leaves the rest alone
-- property: replay, ledger, state
-- detects:  unguarded_debit, negative_amount, null_passes_check, exception_swallowed
--
-- A generation that can't be paid stays unbilled and stands in nobody's way. The limit bounds how many are charged.
-- What other contracts have left behind is charged before, so that the counts are of this one.

-- @values license uuid, later_license uuid, license_key text, later_license_key text
-- @values tenant uuid, first uuid, second uuid, third uuid, fourth uuid
-- @setup
insert into license_billing.licenses (id, license_key, tenant_id)
values (:license, :license_key, :tenant), (:later_license, :later_license_key, :tenant);

-- @call settle_unbilled_generations
-- @expect ok
select * from license_billing.settle_unbilled_generations(1000);
-- @call settle_unbilled_generations
-- @expect ok generations_settled=0
select * from license_billing.settle_unbilled_generations(1000);

-- @call settle_unbilled_generations
-- @expect refused P0001 INVALID_LIMIT: Limit must be above zero: 0
select * from license_billing.settle_unbilled_generations(0);
-- @call settle_unbilled_generations
-- @expect refused P0001 INVALID_LIMIT: Limit must be above zero: -1
select * from license_billing.settle_unbilled_generations(-1);
-- @call settle_unbilled_generations
-- @expect refused P0001 INVALID_LIMIT: Limit must be above zero: <NULL>
select * from license_billing.settle_unbilled_generations(null);

-- @call record_unbilled_generation
-- @expect ok billed=false, already_recorded=false
select * from license_billing.record_unbilled_generation(:license_key, 60, :first);
-- @call record_unbilled_generation
-- @expect ok billed=false, already_recorded=false
select * from license_billing.record_unbilled_generation(:license_key, 50, :second);
-- @call record_unbilled_generation
-- @expect ok billed=false, already_recorded=false
select * from license_billing.record_unbilled_generation(:later_license_key, 30, :third);
-- @call record_unbilled_generation
-- @expect ok billed=false, already_recorded=false
select * from license_billing.record_unbilled_generation(:license_key, 40, :fourth);
-- @call settle_unbilled_generations
-- @expect ok generations_settled=0
select * from license_billing.settle_unbilled_generations();

-- The first is too large, the second can be paid, and then the fourth can't any more.
-- @call add_credits
-- @expect ok add_credits=55
select * from license_billing.add_credits(:license_key, 55, null);
-- @call add_credits
-- @expect ok add_credits=30
select * from license_billing.add_credits(:later_license_key, 30, null);
-- @call settle_unbilled_generations
-- @expect ok generations_settled=2
select * from license_billing.settle_unbilled_generations();
-- @call settle_unbilled_generations
-- @expect ok generations_settled=0
select * from license_billing.settle_unbilled_generations();

-- @check The oldest that could be paid were
select
    bool_and((generation.settled_at is not null) = (generation.request_id in (:second, :third))),
    count(*) = 4
from license_billing.unbilled_generations as generation
where generation.request_id in (:first, :second, :third, :fourth);

-- @call add_credits
-- @expect ok add_credits=100
select * from license_billing.add_credits(:license_key, 95, null);
-- @call settle_unbilled_generations
-- @expect ok generations_settled=1
select * from license_billing.settle_unbilled_generations(1);
-- @call settle_unbilled_generation
-- @expect ok settle_unbilled_generation=0
select * from license_billing.settle_unbilled_generation(:fourth);
-- @call settle_unbilled_generations
-- @expect ok generations_settled=0
select * from license_billing.settle_unbilled_generations(1);

-- @check All is paid, each once
select
    count(*) = 4 and sum(entry.amount) = -180,
    (
        select sum(license.credits_remaining) = 0
        from license_billing.licenses as license
        where license.tenant_id = :tenant
    )
from license_billing.credit_entries as entry
where entry.request_id in (:first, :second, :third, :fourth);
