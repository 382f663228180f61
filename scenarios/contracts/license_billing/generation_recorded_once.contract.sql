-- title:    A generation whose deduction could not be made is recorded once, for any license that exists
-- property: replay, input, state
-- detects:  not_idempotent, key_reused_for_other_arguments, raw_unique_violation, null_passes_check
--
-- It has been generated, so neither the state of the license nor its credits are a reason to forget it. Recorded twice
-- it is one generation.

-- @values license_key text, inactive text, expired text, no_license text
-- @values tenant uuid, request uuid, other_request uuid, third_request uuid, top_up uuid
-- @setup
insert into license_billing.licenses (license_key, tenant_id, is_active, expires_at)
values
(:license_key, :tenant, true, null),
(:inactive, :tenant, false, null),
(:expired, :tenant, true, now() - interval '1 day');

-- @call record_unbilled_generation
-- @expect refused P0001 INVALID_LICENSE: License key not found
select * from license_billing.record_unbilled_generation(:no_license, 0, null, 'a text');
-- @call record_unbilled_generation
-- @expect refused P0001 INVALID_LICENSE: License key not found
select * from license_billing.record_unbilled_generation(null, 30, :request, 'a text');
-- @call record_unbilled_generation
-- @expect refused P0001 INVALID_AMOUNT: Amount must be above zero: 0
select * from license_billing.record_unbilled_generation(:license_key, 0, null, 'a text');
-- @call record_unbilled_generation
-- @expect refused P0001 INVALID_AMOUNT: Amount must be above zero: -30
select * from license_billing.record_unbilled_generation(:license_key, -30, :request, 'a text');
-- @call record_unbilled_generation
-- @expect refused P0001 INVALID_AMOUNT: Amount must be above zero: <NULL>
select * from license_billing.record_unbilled_generation(:license_key, null, :request, 'a text');
-- @call record_unbilled_generation
-- @expect refused P0001 INVALID_REQUEST: Request id is missing
select * from license_billing.record_unbilled_generation(:license_key, 30, null, 'a text');

-- @call record_unbilled_generation
-- @expect ok billed=false, already_recorded=false
select * from license_billing.record_unbilled_generation(:license_key, 30, :request, 'a text');
-- @call record_unbilled_generation
-- @expect ok billed=false, already_recorded=true
select * from license_billing.record_unbilled_generation(:license_key, 30, :request, 'a text');

-- @call record_unbilled_generation
-- @expect refused P0001 REQUEST_CONFLICT: Request id was used with other arguments: *-*
select * from license_billing.record_unbilled_generation(:license_key, 31, :request, 'a text');
-- @call record_unbilled_generation
-- @expect refused P0001 REQUEST_CONFLICT: Request id was used with other arguments: *-*
select * from license_billing.record_unbilled_generation(:inactive, 30, :request, 'a text');
-- @call record_unbilled_generation
-- @expect refused P0001 REQUEST_CONFLICT: Request id was used with other arguments: *-*
select * from license_billing.record_unbilled_generation(:license_key, 30, :request, 'another text');
-- @call record_unbilled_generation
-- @expect refused P0001 REQUEST_CONFLICT: Request id was used with other arguments: *-*
select * from license_billing.record_unbilled_generation(:license_key, 30, :request);

-- @call record_unbilled_generation
-- @expect ok billed=false, already_recorded=false
select * from license_billing.record_unbilled_generation(:inactive, 30, :other_request, 'a text');
-- @call record_unbilled_generation
-- @expect ok billed=false, already_recorded=false
select * from license_billing.record_unbilled_generation(:expired, 30, :third_request);
-- @call record_unbilled_generation
-- @expect ok billed=false, already_recorded=true
select * from license_billing.record_unbilled_generation(:expired, 30, :third_request, null);

-- @call add_credits
-- @expect ok add_credits=20
select * from license_billing.add_credits(:license_key, 20, :top_up);
-- @call record_unbilled_generation
-- @expect refused P0001 REQUEST_CONFLICT: Request id was used with other arguments: *-*
select * from license_billing.record_unbilled_generation(:license_key, 20, :top_up, 'a text');

-- @check The text is kept, nothing was taken
select
    count(*) = 3,
    bool_and(generation.settled_at is null),
    count(*) filter (where generation.generation = 'a text') = 2,
    (
        select sum(license.credits_remaining) = 20
        from license_billing.licenses as license
        where license.tenant_id = :tenant
    )
from license_billing.unbilled_generations as generation
where generation.request_id in (:request, :other_request, :third_request);
