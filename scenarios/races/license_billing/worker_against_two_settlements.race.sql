-- title:    A worker settles generations of two licenses while somebody settles both in one transaction
-- property: serial, deadlock
-- detects:  locks_in_caller_order, exception_swallowed
-- expect:   exactly 0 retryable
--
-- That transaction takes the licenses in the order of their ids, as the worker does, so one waits for the other and
-- both come through. A worker that took them as the generations came would wait for a license while it holds the one
-- that is waited for.

-- @values license uuid, later_license uuid, license_key text, later_license_key text, tenant uuid
-- @values request uuid, later_request uuid

-- @setup
insert into license_billing.licenses (id, license_key, tenant_id)
values (:license, :license_key, :tenant), (:later_license, :later_license_key, :tenant);
select * from license_billing.add_credits(:license_key, 100, null);
select * from license_billing.add_credits(:later_license_key, 100, null);
select * from license_billing.record_unbilled_generation(:later_license_key, 30, :request);
select * from license_billing.record_unbilled_generation(:license_key, 30, :later_request);

-- @session worker
-- @call settle_unbilled_generations
select * from license_billing.settle_unbilled_generations(10);

-- @session support
begin;
-- @call settle_unbilled_generation
select * from license_billing.settle_unbilled_generation(:later_request);
-- @call settle_unbilled_generation
select * from license_billing.settle_unbilled_generation(:request);
commit;
