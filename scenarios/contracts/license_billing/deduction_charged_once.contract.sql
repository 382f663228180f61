-- title:    A request id is charged once, and without one every call is a request of its own
-- property: replay, ledger
-- detects:  not_idempotent, key_reused_for_other_arguments, raw_unique_violation
--
-- The same id with the same arguments answers with the balance of the first time. With others it is another request
-- under a used id, and refused.

-- @values license_key text, other_license_key text, no_license text
-- @values tenant uuid, request uuid, top_up uuid
-- @setup
insert into license_billing.licenses (license_key, tenant_id)
values (:license_key, :tenant), (:other_license_key, :tenant);

-- @call add_credits
-- @expect ok add_credits=100
select * from license_billing.add_credits(:license_key, 100, :top_up);
-- @call add_credits
-- @expect ok add_credits=100
select * from license_billing.add_credits(:other_license_key, 100, null);

-- @call deduct_credits
-- @expect ok deduct_credits=70
select * from license_billing.deduct_credits(:license_key, 30, :request);

-- @check The charge left one entry that says so
select
    count(*) = 1,
    bool_and(entry.kind = 'usage' and entry.amount = -30),
    bool_and(entry.balance_before = 100 and entry.balance_after = 70)
from license_billing.credit_entries as entry
where entry.request_id = :request;

-- @call deduct_credits
-- @expect ok deduct_credits=70
select * from license_billing.deduct_credits(:license_key, 30, :request);
-- @call deduct_credits
-- @expect ok deduct_credits=65
select * from license_billing.deduct_credits(:license_key, 5);
-- @call deduct_credits
-- @expect ok deduct_credits=60
select * from license_billing.deduct_credits(:license_key, 5, null);
-- @call deduct_credits
-- @expect ok deduct_credits=55
select * from license_billing.deduct_credits(:license_key, 5, null);
-- @call deduct_credits
-- @expect ok deduct_credits=70
select * from license_billing.deduct_credits(:license_key, 30, :request);

-- @call deduct_credits
-- @expect refused P0001 REQUEST_CONFLICT: Request id was used with other arguments: *-*
select * from license_billing.deduct_credits(:license_key, 31, :request);
-- @call deduct_credits
-- @expect refused P0001 REQUEST_CONFLICT: Request id was used with other arguments: *-*
select * from license_billing.deduct_credits(:other_license_key, 30, :request);
-- @call deduct_credits
-- @expect refused P0001 INVALID_LICENSE: *
select * from license_billing.deduct_credits(:no_license, 30, :request);
-- @call deduct_credits
-- @expect refused P0001 INVALID_AMOUNT: *
select * from license_billing.deduct_credits(:license_key, -30, :request);

-- One id, one movement: that of a top-up is no id for a charge.
-- @call deduct_credits
-- @expect refused P0001 REQUEST_CONFLICT: Request id was used with other arguments: *-*
select * from license_billing.deduct_credits(:license_key, 100, :top_up);

-- @check Repeats and conflicts took nothing, from nobody
select
    sum(license.credits_remaining) filter (where license.license_key = :license_key) = 55,
    sum(license.credits_remaining) filter (where license.license_key = :other_license_key) = 100,
    (
        select count(*) = 6 and sum(entry.amount) = 155
        from license_billing.credit_entries as entry
        inner join license_billing.licenses as owner on entry.license_id = owner.id
        where owner.tenant_id = :tenant
    )
from license_billing.licenses as license
where license.tenant_id = :tenant;
