-- title:    A recorded generation is charged once its license can pay, and once only
-- property: replay, ledger, state
-- detects:  not_idempotent, state_not_rechecked, unguarded_debit
--
-- Too few credits leaves it unbilled. What was generated is owed also by a license that has expired
-- since. Whoever settles it again hears the balance of the first time.

-- @values license_key text, tenant uuid, request uuid, unknown uuid, top_up uuid
-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);

-- @call settle_unbilled_generation
-- @expect refused P0001 UNKNOWN_GENERATION: Nothing was generated under request id <NULL>
select * from license_billing.settle_unbilled_generation(null);
-- @call settle_unbilled_generation
-- @expect refused P0001 UNKNOWN_GENERATION: Nothing was generated under request id *-*
select * from license_billing.settle_unbilled_generation(:unknown);
-- @call add_credits
-- @expect ok add_credits=20
select * from license_billing.add_credits(:license_key, 20, :top_up);
-- @call settle_unbilled_generation
-- @expect refused P0001 UNKNOWN_GENERATION: Nothing was generated under request id *-*
select * from license_billing.settle_unbilled_generation(:top_up);

-- @call record_unbilled_generation
-- @expect ok billed=false, already_recorded=false
select * from license_billing.record_unbilled_generation(:license_key, 30, :request, 'a text');
-- @call settle_unbilled_generation
-- @expect refused P0001 INSUFFICIENT_CREDITS: Current balance 20 is less than required 30
select * from license_billing.settle_unbilled_generation(:request);
-- @call settle_unbilled_generation
-- @expect refused P0001 INSUFFICIENT_CREDITS: Current balance 20 is less than required 30
select * from license_billing.settle_unbilled_generation(:request);

-- @check It is still to be settled
select generation.settled_at is null and generation.entry_no is null
from license_billing.unbilled_generations as generation
where generation.request_id = :request;

-- @as superuser
-- @expect ok
update license_billing.licenses
set expires_at = now() - interval '1 hour'
where license_key = :license_key;
-- @as service_role

-- @call add_credits
-- @expect ok add_credits=100
select * from license_billing.add_credits(:license_key, 80, null);
-- @call settle_unbilled_generation
-- @expect ok settle_unbilled_generation=70
select * from license_billing.settle_unbilled_generation(:request);
-- @call add_credits
-- @expect ok add_credits=75
select * from license_billing.add_credits(:license_key, 5, null);
-- @call settle_unbilled_generation
-- @expect ok settle_unbilled_generation=70
select * from license_billing.settle_unbilled_generation(:request);
-- @call record_unbilled_generation
-- @expect ok billed=true, already_recorded=true
select * from license_billing.record_unbilled_generation(:license_key, 30, :request, 'a text');

-- @check One entry, and the generation names it
select
    count(*) = 1,
    bool_and(entry.amount = -30 and entry.kind = 'usage'),
    bool_and(generation.settled_at is not null and generation.entry_no = entry.entry_no),
    bool_and(license.credits_remaining = 75)
from license_billing.credit_entries as entry
inner join license_billing.unbilled_generations as generation on entry.request_id = generation.request_id
inner join license_billing.licenses as license on entry.license_id = license.id
where entry.request_id = :request;
