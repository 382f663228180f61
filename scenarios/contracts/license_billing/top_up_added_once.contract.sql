-- title:    A top-up is added once, to a license in any state, and only if the balance can hold it
-- property: replay, input, state
-- detects:  not_idempotent, key_reused_for_other_arguments, negative_amount, null_passes_check, overflow_unchecked
--
-- The credits are paid for when they are added, so an inactive or expired license takes them too. What doesn't fit the
-- column is refused before it gets there.

-- @values license_key text, inactive text, expired text, no_license text
-- @values tenant uuid, request uuid, charge uuid, spare uuid
-- @setup
insert into license_billing.licenses (license_key, tenant_id, is_active, expires_at)
values
(:license_key, :tenant, true, null),
(:inactive, :tenant, false, null),
(:expired, :tenant, true, now() - interval '1 day');

-- @call add_credits
-- @expect refused P0001 INVALID_LICENSE: License key not found
select * from license_billing.add_credits(:no_license, 0, :request);
-- @call add_credits
-- @expect refused P0001 INVALID_LICENSE: License key not found
select * from license_billing.add_credits(null, 10, :request);
-- @call add_credits
-- @expect refused P0001 INVALID_AMOUNT: Amount must be above zero: 0
select * from license_billing.add_credits(:license_key, 0, :request);
-- @call add_credits
-- @expect refused P0001 INVALID_AMOUNT: Amount must be above zero: -10
select * from license_billing.add_credits(:license_key, -10, :request);
-- @call add_credits
-- @expect refused P0001 INVALID_AMOUNT: Amount must be above zero: <NULL>
select * from license_billing.add_credits(:license_key, null, :request);

-- @call add_credits
-- @expect ok add_credits=10
select * from license_billing.add_credits(:license_key, 10, :request);
-- @call add_credits
-- @expect ok add_credits=15
select * from license_billing.add_credits(:license_key, 5, null);
-- @call add_credits
-- @expect ok add_credits=20
select * from license_billing.add_credits(:license_key, 5, null);
-- @call deduct_credits
-- @expect ok deduct_credits=12
select * from license_billing.deduct_credits(:license_key, 8, :charge);
-- @call add_credits
-- @expect ok add_credits=10
select * from license_billing.add_credits(:license_key, 10, :request);

-- @call add_credits
-- @expect refused P0001 REQUEST_CONFLICT: Request id was used with other arguments: *-*
select * from license_billing.add_credits(:license_key, 11, :request);
-- @call add_credits
-- @expect refused P0001 REQUEST_CONFLICT: Request id was used with other arguments: *-*
select * from license_billing.add_credits(:inactive, 10, :request);
-- @call add_credits
-- @expect refused P0001 REQUEST_CONFLICT: Request id was used with other arguments: *-*
select * from license_billing.add_credits(:license_key, 8, :charge);
-- @call add_credits
-- @expect refused P0001 INVALID_AMOUNT: *
select * from license_billing.add_credits(:license_key, 0, :request);

-- @call add_credits
-- @expect ok add_credits=7
select * from license_billing.add_credits(:inactive, 7, null);
-- @call add_credits
-- @expect ok add_credits=7
select * from license_billing.add_credits(:expired, 7, null);

-- @call add_credits
-- @expect refused P0001 BALANCE_TOO_LARGE: Balance would be 2147483648
select * from license_billing.add_credits(:license_key, 2147483636, :spare);
-- @call add_credits
-- @expect refused P0001 BALANCE_TOO_LARGE: Balance would be 2147483659
select * from license_billing.add_credits(:license_key, 2147483647, :spare);
-- @call add_credits
-- @expect ok add_credits=2147483647
select * from license_billing.add_credits(:license_key, 2147483635, :spare);
-- @call add_credits
-- @expect ok add_credits=2147483647
select * from license_billing.add_credits(:license_key, 2147483635, :spare);

-- All of it can be spent, and the total goes on counting beyond the largest balance.
-- @call deduct_credits
-- @expect ok deduct_credits=0
select * from license_billing.deduct_credits(:license_key, 2147483647, null);
-- @call add_credits
-- @expect ok add_credits=30
select * from license_billing.add_credits(:license_key, 30, null);

-- @check The total is what was ever added
select
    license.credits_remaining = 30,
    license.credits_total = 2147483685
from license_billing.licenses as license
where license.license_key = :license_key;
