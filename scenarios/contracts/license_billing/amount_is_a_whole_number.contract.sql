-- title:    A fraction of a credit is refused, not rounded
-- property: input
-- detects:  fraction_rounded_away
--
-- Amounts are integers. There is no function for a fraction, so it can't be rounded to nothing on its way in. A text
-- that holds one isn't a number of credits either.

-- @values license_key text, tenant uuid, request uuid
-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);

-- @call add_credits
-- @expect ok add_credits=10
select * from license_billing.add_credits(:license_key, 10, null);

-- @call deduct_credits
-- @expect error 42883 *
select * from license_billing.deduct_credits(:license_key, 0.20, :request);
-- @call deduct_credits
-- @expect error 42883 *
select * from license_billing.deduct_credits(:license_key, 1.5, :request);
-- @call deduct_credits
-- @expect error 22P02 *
select * from license_billing.deduct_credits(:license_key, '0.20', :request);
-- @call deduct_credits
-- @expect error 22P02 *
select * from license_billing.deduct_credits(:license_key, 'NaN', :request);
-- @call deduct_credits
-- @expect error 42883 *
select * from license_billing.deduct_credits(:license_key, 2147483648, :request);
-- @call add_credits
-- @expect error 42883 *
select * from license_billing.add_credits(:license_key, 0.5, null);
-- @call record_unbilled_generation
-- @expect error 42883 *
select * from license_billing.record_unbilled_generation(:license_key, 0.5, :request);

-- @check Nothing moved
select license.credits_remaining = 10
from license_billing.licenses as license
where license.license_key = :license_key;
