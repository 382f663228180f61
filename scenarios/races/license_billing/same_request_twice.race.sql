-- title:    One deduction is sent twice at once, under one request id
-- property: serial, replay, ledger
-- detects:  insert_where_not_exists, raw_unique_violation, check_before_lock, not_idempotent
-- expect:   exactly 2 ok in deduct_credits
--
-- A client that got no answer sends its request again while the first one still runs. The balance pays for one: a
-- second call that isn't known as the same generation ends in a refusal, a raw error, or a second charge.

-- @values license_key text, tenant uuid, request uuid

-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);
select * from license_billing.add_credits(:license_key, 30, null);

-- @session first_try
-- @call deduct_credits
select * from license_billing.deduct_credits(:license_key, 30, :request);

-- @session second_try
-- @call deduct_credits
select * from license_billing.deduct_credits(:license_key, 30, :request);
