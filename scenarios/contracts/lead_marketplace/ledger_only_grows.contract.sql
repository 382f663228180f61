-- title:    A ledger entry can't be changed or removed, by anybody
-- property: ledger
-- detects:  no_ledger_entry
--
-- Grants keep the application out, and a superuser ignores grants. So this asks as superuser: what
-- happened once has to stay readable, and a correction is a new entry. Each attempt undoes itself
-- where nothing else stops it.

-- @values workspace uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace);

-- @call add_workspace_credits
-- @expect ok
select * from lead_marketplace.add_workspace_credits(:workspace, 100, 'opening balance');

-- @as superuser
-- @expect error 23001 credit_entries is append-only
do $$
begin
    update lead_marketplace.credit_entries set created_at = now();
    raise exception 'entries were changed';
end;
$$;
-- @expect error 23001 credit_entries is append-only
do $$
begin
    delete from lead_marketplace.credit_entries;
    raise exception 'entries were deleted';
end;
$$;
-- @expect error 23001 credit_entries is append-only
do $$
begin
    truncate lead_marketplace.credit_entries;
    raise exception 'entries were truncated';
end;
$$;

-- @check The entry is as it was
select
    count(*) = 1,
    bool_and(entry.amount = 100 and entry.balance_before = 0 and entry.balance_after = 100)
from lead_marketplace.credit_entries as entry
where entry.workspace_id = :workspace;
