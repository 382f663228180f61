-- title:    A deduction that can't be made says why, in one order, and leaves no trace
-- property: input, state
-- detects:  unguarded_debit, negative_amount, null_passes_check, row_count_ignored, exception_swallowed
--
-- Each license here has every fault from its place in the order on, so each answer also says which refusal comes
-- first. The messages are what the service makes its status codes of.

-- @values no_license text, inactive text, expired text, poor text, tenant uuid, request uuid
-- @setup
insert into license_billing.licenses (license_key, tenant_id, is_active, expires_at)
values
(:inactive, :tenant, false, now() - interval '1 day'),
(:expired, :tenant, true, now() - interval '1 second'),
(:poor, :tenant, true, now() + interval '1 day');

-- @call deduct_credits
-- @expect refused P0001 INVALID_LICENSE: License key not found
select * from license_billing.deduct_credits(:no_license, 30, :request);
-- @call deduct_credits
-- @expect refused P0001 INVALID_LICENSE: License key not found
select * from license_billing.deduct_credits(:no_license, 0, :request);
-- @call deduct_credits
-- @expect refused P0001 INVALID_LICENSE: License key not found
select * from license_billing.deduct_credits(null, 30, :request);
-- @call deduct_credits
-- @expect refused P0001 INVALID_LICENSE: License key not found
select * from license_billing.deduct_credits('', null, null);

-- @call deduct_credits
-- @expect refused P0001 INACTIVE_LICENSE: License is not active
select * from license_billing.deduct_credits(:inactive, 30, :request);
-- @call deduct_credits
-- @expect refused P0001 INACTIVE_LICENSE: License is not active
select * from license_billing.deduct_credits(:inactive, -30, :request);
-- @call deduct_credits
-- @expect refused P0001 INACTIVE_LICENSE: License is not active
select * from license_billing.deduct_credits(:inactive, null, null);

-- @call deduct_credits
-- @expect refused P0001 EXPIRED_LICENSE: License has expired
select * from license_billing.deduct_credits(:expired, 30, :request);
-- @call deduct_credits
-- @expect refused P0001 EXPIRED_LICENSE: License has expired
select * from license_billing.deduct_credits(:expired, 0, :request);
-- @call deduct_credits
-- @expect refused P0001 EXPIRED_LICENSE: License has expired
select * from license_billing.deduct_credits(:expired, 30);

-- @call deduct_credits
-- @expect refused P0001 INVALID_AMOUNT: Amount must be above zero: 0
select * from license_billing.deduct_credits(:poor, 0, :request);
-- @call deduct_credits
-- @expect refused P0001 INVALID_AMOUNT: Amount must be above zero: -30
select * from license_billing.deduct_credits(:poor, -30, :request);
-- @call deduct_credits
-- @expect refused P0001 INVALID_AMOUNT: Amount must be above zero: <NULL>
select * from license_billing.deduct_credits(:poor, null, :request);
-- @call deduct_credits
-- @expect refused P0001 INVALID_AMOUNT: Amount must be above zero: -2147483648
select * from license_billing.deduct_credits(:poor, -2147483648);

-- @call deduct_credits
-- @expect refused P0001 INSUFFICIENT_CREDITS: Current balance 0 is less than required 1
select * from license_billing.deduct_credits(:poor, 1, :request);
-- @call deduct_credits
-- @expect refused P0001 INSUFFICIENT_CREDITS: Current balance 0 is less than required 2147483647
select * from license_billing.deduct_credits(:poor, 2147483647, null);

-- @call add_credits
-- @expect ok add_credits=40
select * from license_billing.add_credits(:poor, 40, null);
-- @call deduct_credits
-- @expect refused P0001 INSUFFICIENT_CREDITS: Current balance 40 is less than required 41
select * from license_billing.deduct_credits(:poor, 41, :request);

-- @check Nothing of this took credits, or kept the request id
select
    bool_and(license.credits_remaining = case when license.license_key = :poor then 40 else 0 end),
    not exists (select 1 from license_billing.credit_requests as request where request.request_id = :request),
    (
        select count(*) = 1
        from license_billing.credit_entries as entry
        inner join license_billing.licenses as owner on entry.license_id = owner.id
        where owner.tenant_id = :tenant
    )
from license_billing.licenses as license
where license.tenant_id = :tenant;

-- A refusal used the id up for nobody, and the last credit can be spent.
-- @call deduct_credits
-- @expect ok deduct_credits=0
select * from license_billing.deduct_credits(:poor, 40, :request);
