-- title:    Only the backend calls the functions, and it writes through nothing else
-- property: access
-- detects:  executable_by_anyone, app_read_modify_write
--
-- The functions run with their owner's rights, so whoever may execute one may do what it does. A new function can be
-- executed by everybody until that is revoked. The backend's own role reads the tables and changes them through the
-- functions alone.

-- @values license uuid, license_key text, tenant uuid, request uuid
-- @setup
insert into license_billing.licenses (id, license_key, tenant_id) values (:license, :license_key, :tenant);

-- @as anon
-- @call deduct_credits
-- @expect error 42501 permission denied for schema license_billing
select * from license_billing.deduct_credits(:license_key, 30, :request);
-- @call add_credits
-- @expect error 42501 permission denied for schema license_billing
select * from license_billing.add_credits(:license_key, 100, :request);
-- @call record_unbilled_generation
-- @expect error 42501 permission denied for schema license_billing
select * from license_billing.record_unbilled_generation(:license_key, 30, :request, null);
-- @call settle_unbilled_generation
-- @expect error 42501 permission denied for schema license_billing
select * from license_billing.settle_unbilled_generation(:request);
-- @call settle_unbilled_generations
-- @expect error 42501 permission denied for schema license_billing
select * from license_billing.settle_unbilled_generations(10);

-- @as authenticated
-- @call deduct_credits
-- @expect error 42501 permission denied for function deduct_credits
select * from license_billing.deduct_credits(:license_key, 30, :request);
-- @call add_credits
-- @expect error 42501 permission denied for function add_credits
select * from license_billing.add_credits(:license_key, 100, :request);
-- @call record_unbilled_generation
-- @expect error 42501 permission denied for function record_unbilled_generation
select * from license_billing.record_unbilled_generation(:license_key, 30, :request, null);
-- @call settle_unbilled_generation
-- @expect error 42501 permission denied for function settle_unbilled_generation
select * from license_billing.settle_unbilled_generation(:request);
-- @call settle_unbilled_generations
-- @expect error 42501 permission denied for function settle_unbilled_generations
select * from license_billing.settle_unbilled_generations(10);
-- @expect error 42501 permission denied for function post_credit_entry
select license_billing.post_credit_entry(request, 100) from license_billing.credit_requests as request;
-- @expect error 42501 permission denied for function charge_request
select license_billing.charge_request(request, 100) from license_billing.credit_requests as request;
-- @expect error 42501 permission denied for function claim_request
select license_billing.claim_request(:request, :license, 'top_up', 100);

-- @as service_role
-- @expect error 42501 permission denied for function post_credit_entry
select license_billing.post_credit_entry(request, 100) from license_billing.credit_requests as request;
-- @expect error 42501 permission denied for function charge_request
select license_billing.charge_request(request, 100) from license_billing.credit_requests as request;
-- @expect error 42501 permission denied for function claim_request
select license_billing.claim_request(:request, :license, 'top_up', 100);
-- @expect error 42501 permission denied for table licenses
update license_billing.licenses set credits_remaining = 100 where id = :license;
-- @expect error 42501 permission denied for table licenses
update license_billing.licenses set expires_at = null where id = :license;
-- @expect error 42501 permission denied for table credit_requests
insert into license_billing.credit_requests (license_id, kind, amount) values (:license, 'top_up', 100);
-- @expect error 42501 permission denied for table credit_entries
delete from license_billing.credit_entries where license_id = :license;
-- @expect error 42501 permission denied for table unbilled_generations
delete from license_billing.unbilled_generations where request_id = :request;

-- @check Nothing of this changed anything
select
    license.credits_remaining = 0 and license.credits_total = 0,
    not exists (select 1 from license_billing.credit_requests as request where request.license_id = :license)
from license_billing.licenses as license
where license.id = :license;

-- It may read what it wrote.
-- @as service_role
-- @expect ok licenses=1, entries=0
select
    count(*) as licenses,
    (select count(*) from license_billing.credit_entries as entry where entry.license_id = :license) as entries
from license_billing.licenses as license
where license.id = :license;
