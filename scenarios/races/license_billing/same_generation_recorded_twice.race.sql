-- title:    One unbilled generation is recorded twice at once
-- property: serial, replay
-- detects:  first_touch_race, raw_unique_violation, check_before_lock
-- expect:   exactly 2 ok in record_unbilled_generation
--
-- The service records again what it isn't sure to have recorded. The second call must find the first one's row and say
-- so; there is one generation, to be charged once.

-- @values license_key text, tenant uuid, request uuid

-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);

-- @session first_try
-- @call record_unbilled_generation
select * from license_billing.record_unbilled_generation(:license_key, 30, :request, 'a text');

-- @session second_try
-- @call record_unbilled_generation
select * from license_billing.record_unbilled_generation(:license_key, 30, :request, 'a text');
