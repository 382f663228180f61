-- title:    A repeated request is answered as the first time, whatever has become of the license since
-- property: replay
-- detects:  replay_asks_state_again
--
-- The answer to the first call was lost, so the client asks again. By now the credits may be spent and the license
-- inactive or expired. The generation was charged, and to say anything else would be wrong. What was not charged then
-- is refused now.

-- @values license_key text, tenant uuid, request uuid, refused_request uuid, top_up uuid
-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);

-- @call add_credits
-- @expect ok add_credits=50
select * from license_billing.add_credits(:license_key, 50, :top_up);
-- @call deduct_credits
-- @expect ok deduct_credits=20
select * from license_billing.deduct_credits(:license_key, 30, :request);
-- @call deduct_credits
-- @expect refused P0001 INSUFFICIENT_CREDITS: *
select * from license_billing.deduct_credits(:license_key, 30, :refused_request);

-- @as superuser
-- @expect ok
update license_billing.licenses set expires_at = now() - interval '1 hour' where license_key = :license_key;
-- @as service_role

-- @call deduct_credits
-- @expect ok deduct_credits=20
select * from license_billing.deduct_credits(:license_key, 30, :request);
-- @call deduct_credits
-- @expect refused P0001 EXPIRED_LICENSE: *
select * from license_billing.deduct_credits(:license_key, 30, :refused_request);
-- @call add_credits
-- @expect ok add_credits=50
select * from license_billing.add_credits(:license_key, 50, :top_up);

-- @as superuser
-- @expect ok
update license_billing.licenses set is_active = false where license_key = :license_key;
-- @as service_role

-- @call deduct_credits
-- @expect ok deduct_credits=20
select * from license_billing.deduct_credits(:license_key, 30, :request);
-- @call deduct_credits
-- @expect refused P0001 INACTIVE_LICENSE: *
select * from license_billing.deduct_credits(:license_key, 30, :refused_request);
-- @call add_credits
-- @expect ok add_credits=50
select * from license_billing.add_credits(:license_key, 50, :top_up);

-- @check One charge, one top-up
select license.credits_remaining = 20 and license.credits_total = 50
from license_billing.licenses as license
where license.license_key = :license_key;
