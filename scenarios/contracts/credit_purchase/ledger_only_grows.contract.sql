-- title:    An operation or ledger entry can't be changed or removed, by anybody
-- property: ledger
-- detects:  no_ledger_entry, not_idempotent
--
-- Grants keep the application out, and a superuser ignores grants. So this asks as superuser: what
-- happened once has to stay readable, and an operation that could go would free its key for a second
-- credit. Each attempt undoes itself where nothing else stops it.

-- @values owner uuid, key uuid, paid text
-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);

-- @call apply_credit_purchase
-- @expect ok
select * from credit_purchase.apply_credit_purchase(:owner, 100, :key, :paid);

-- @as superuser
-- @expect error 23001 credit_entries is append-only
do $$
begin
    update credit_purchase.credit_entries set created_at = now();
    raise exception 'entries were changed';
end;
$$;
-- @expect error 23001 credit_entries is append-only
do $$
begin
    delete from credit_purchase.credit_entries;
    raise exception 'entries were deleted';
end;
$$;
-- @expect error 23001 credit_entries is append-only
do $$
begin
    truncate credit_purchase.credit_entries;
    raise exception 'entries were truncated';
end;
$$;
-- @expect error 23001 credit_operations is append-only
do $$
begin
    update credit_purchase.credit_operations set created_at = now();
    raise exception 'operations were changed';
end;
$$;
-- @expect error 23001 credit_operations is append-only
do $$
begin
    delete from credit_purchase.credit_operations;
    raise exception 'operations were deleted';
end;
$$;
-- @expect error 23001 credit_* is append-only
do $$
begin
    truncate credit_purchase.credit_operations cascade;
    raise exception 'operations were truncated';
end;
$$;

-- @check Operation and entry are as they were
select
    count(*) = 1,
    bool_and(entry.amount = 100 and entry.balance_before = 0 and entry.balance_after = 100),
    bool_and(operation.amount = 100 and operation.stripe_session_id = :paid)
from credit_purchase.credit_entries as entry
inner join credit_purchase.credit_operations as operation on entry.request_key = operation.idempotency_key
where entry.user_id = :owner;
