-- title:    A ledger entry or a line of the audit log can't be changed or removed, by anybody
-- property: ledger
-- detects:  no_ledger_entry
--
-- Grants keep the application out, and a superuser ignores grants. So this asks as superuser: what happened
-- once has to stay readable, and a correction is a new entry. Each attempt undoes itself where nothing else
-- stops it.

-- @values client uuid
-- @setup
insert into peer_booking.users (id) values (:client);

-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:client, 100, 'bonus', 'welcome');

-- @as superuser
-- @expect error 23001 credit_transactions is append-only
do $$
begin
    update peer_booking.credit_transactions set created_at = now();
    raise exception 'entries were changed';
end;
$$;
-- @expect error 23001 credit_transactions is append-only
do $$
begin
    delete from peer_booking.credit_transactions;
    raise exception 'entries were deleted';
end;
$$;
-- @expect error 23001 credit_transactions is append-only
do $$
begin
    truncate peer_booking.credit_transactions cascade;
    raise exception 'entries were truncated';
end;
$$;
-- @expect error 23001 credit_audit_log is append-only
do $$
begin
    update peer_booking.credit_audit_log set db_role = 'nobody';
    raise exception 'lines were changed';
end;
$$;
-- @expect error 23001 credit_audit_log is append-only
do $$
begin
    delete from peer_booking.credit_audit_log;
    raise exception 'lines were deleted';
end;
$$;
-- @expect error 23001 credit_audit_log is append-only
do $$
begin
    truncate peer_booking.credit_audit_log;
    raise exception 'lines were truncated';
end;
$$;

-- @check Entry and line are as they were
select
    count(*) = 1,
    bool_and(entry.amount = 100 and entry.balance_before = 0 and entry.balance_after = 100),
    bool_and(line.balance_before = 0 and line.balance_after = 100)
from peer_booking.credit_transactions as entry
inner join peer_booking.credit_audit_log as line on entry.entry_no = line.entry_no
where entry.user_id = :client;
