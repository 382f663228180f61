-- title:    Every movement has a line in the audit log that says who made it
-- property: ledger, access
-- detects:  no_ledger_entry
--
-- A line has the role that called and the user in whose name it did, as the verified token names them, the
-- balances before and after, and the time. Both legs of a transfer have one; a refusal and a repeat have none.

-- @values client uuid, practitioner uuid, session uuid
-- @setup
insert into peer_booking.users (id) values (:client), (:practitioner);
insert into peer_booking.practitioners (user_id) values (:client), (:practitioner);
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes)
values (:session, :client, :practitioner, 60);

-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:client, 100, 'welcome');

-- @expect ok
select set_config('request.jwt.claims', jsonb_build_object('sub', :client)::text, false);
-- @call process_peer_booking_credits
-- @expect ok *"success" : true, *
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);
-- @call process_peer_booking_credits
-- @expect ok *"success" : true, *
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);
-- @call update_credit_balance
-- @expect refused P0001 Insufficient credits. Current: 40, Required: 41
select * from peer_booking.update_credit_balance(:client, -41, 'spend', null);
-- @expect ok
select set_config('request.jwt.claims', '', false);

-- @check Three movements have three lines, each telling what its entry tells
select
    count(*) = 3,
    count(line.log_no) = 3,
    bool_and(line.user_id = entry.user_id and line.transaction_type = entry.transaction_type),
    bool_and(line.balance_before = entry.balance_before and line.balance_after = entry.balance_after),
    bool_and(line.db_role = 'service_role' and line.logged_at is not null),
    bool_and(line.token_subject is not distinct from case when entry.transfer_id is not null then :client::text end)
from peer_booking.credit_transactions as entry
left join peer_booking.credit_audit_log as line on entry.entry_no = line.entry_no
where entry.user_id in (:client, :practitioner);
