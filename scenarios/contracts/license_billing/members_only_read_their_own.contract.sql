-- title:    A member reads the tenant's own licenses, requests, entries and generations, and writes none of them
-- property: access
-- detects:  owner_writes_balance
--
-- The tenant is the one that the verified token names. Whoever may update the row that holds their own balance has as
-- many credits as they like.

-- @values license uuid, license_key text, other_license_key text
-- @values tenant uuid, other_tenant uuid, request uuid, other_request uuid
-- @setup
insert into license_billing.licenses (id, license_key, tenant_id) values (:license, :license_key, :tenant);
insert into license_billing.licenses (license_key, tenant_id) values (:other_license_key, :other_tenant);

-- @call add_credits
-- @expect ok add_credits=100
select * from license_billing.add_credits(:license_key, 100, null);
-- @call add_credits
-- @expect ok add_credits=200
select * from license_billing.add_credits(:other_license_key, 200, null);
-- @call record_unbilled_generation
-- @expect ok billed=false, already_recorded=false
select * from license_billing.record_unbilled_generation(:license_key, 30, :request, 'a text');
-- @call record_unbilled_generation
-- @expect ok billed=false, already_recorded=false
select * from license_billing.record_unbilled_generation(:other_license_key, 30, :other_request, 'another text');

-- @as authenticated
-- A token without a tenant sees nothing.
-- @expect ok
select set_config('request.jwt.claims', '', false);
-- @expect ok licenses=0, requests=0, entries=0, generations=0
select
    (select count(*) from license_billing.licenses) as licenses,
    (select count(*) from license_billing.credit_requests) as requests,
    (select count(*) from license_billing.credit_entries) as entries,
    (select count(*) from license_billing.unbilled_generations) as generations;

-- @expect ok
select set_config('request.jwt.claims', jsonb_build_object('tenant_id', :tenant)::text, false);
-- @expect ok licenses=1, balance=100
select
    count(*) as licenses,
    sum(license.credits_remaining) as balance
from license_billing.licenses as license;
-- @expect ok requests=2, own=true
select
    count(*) as requests,
    bool_and(request.license_id = :license) as own
from license_billing.credit_requests as request;
-- @expect ok entries=1, amount=100
select
    count(*) as entries,
    sum(entry.amount) as amount
from license_billing.credit_entries as entry;
-- @expect ok generations=1, own=true
select
    count(*) as generations,
    bool_and(generation.request_id = :request) as own
from license_billing.unbilled_generations as generation;

-- @expect error 42501 permission denied for table licenses
update license_billing.licenses set credits_remaining = 1000000 where id = :license;
-- @expect error 42501 permission denied for table licenses
update license_billing.licenses set expires_at = null, is_active = true where id = :license;
-- @expect error 42501 permission denied for table licenses
delete from license_billing.licenses where id = :license;
-- @expect error 42501 permission denied for table credit_requests
insert into license_billing.credit_requests (license_id, kind, amount) values (:license, 'top_up', 1000000);
-- @expect error 42501 permission denied for table credit_entries
delete from license_billing.credit_entries where license_id = :license;
-- @expect error 42501 permission denied for table unbilled_generations
delete from license_billing.unbilled_generations where request_id = :request;
-- @expect ok
select set_config('request.jwt.claims', '', false);

-- @as anon
-- @expect error 42501 permission denied for schema license_billing
select count(*) from license_billing.licenses;

-- @check Both balances are as they were
select
    count(*) = 2,
    bool_and(license.credits_remaining = case license.license_key when :license_key then 100 else 200 end)
from license_billing.licenses as license
where license.tenant_id in (:tenant, :other_tenant);
