-- title:    A ledger entry can't be changed or removed, by anybody
-- property: ledger
-- detects:  no_ledger_entry
--
-- Grants keep the application out, and a superuser ignores grants. So this asks as superuser: what happened once has
-- to stay readable, and a correction is a new entry. Each attempt undoes itself where nothing else stops it.

-- @values license_key text, tenant uuid
-- @setup
insert into license_billing.licenses (license_key, tenant_id) values (:license_key, :tenant);

-- @call add_credits
-- @expect ok add_credits=100
select * from license_billing.add_credits(:license_key, 100, null);

-- @as superuser
-- @expect error 23001 credit_entries is append-only
do $$
begin
    update license_billing.credit_entries set created_at = now();
    raise exception 'entries were changed';
end;
$$;
-- @expect error 23001 credit_entries is append-only
do $$
begin
    delete from license_billing.credit_entries;
    raise exception 'entries were deleted';
end;
$$;
-- @expect error 23001 credit_entries is append-only
do $$
begin
    truncate license_billing.credit_entries cascade;
    raise exception 'entries were truncated';
end;
$$;

-- @check The entry is as it was
select
    count(*) = 1,
    bool_and(entry.amount = 100 and entry.balance_before = 0 and entry.balance_after = 100)
from license_billing.credit_entries as entry
inner join license_billing.licenses as license on entry.license_id = license.id
where license.license_key = :license_key;
