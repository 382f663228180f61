-- title:    A user reads their own balance, transactions, allocations and sessions, and writes none of them
-- property: access
-- detects:  owner_writes_balance
--
-- The user is the one that the verified token names. Whoever may update the row that holds their own
-- balance has as many credits as they like. A session is its client's and its practitioner's.

-- @values client uuid, practitioner uuid, stranger uuid, session uuid, others_session uuid
-- @setup
insert into peer_booking.users (id) values (:client), (:practitioner), (:stranger);
insert into peer_booking.practitioners (user_id) values (:client), (:practitioner), (:stranger);
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes)
values (:session, :client, :practitioner, 60), (:others_session, :stranger, :practitioner, 30);

-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:client, 100, 'welcome');
-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:stranger, 200, 'welcome');
-- @call process_peer_booking_credits
-- @expect ok
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);

-- @as authenticated
-- A token without a user sees nothing.
-- @expect ok
select set_config('request.jwt.claims', '', false);
-- @expect ok accounts=0, entries=0, allocations=0, sessions=0
select
    (select count(*) from peer_booking.credits) as accounts,
    (select count(*) from peer_booking.credit_transactions) as entries,
    (select count(*) from peer_booking.credit_allocations) as allocations,
    (select count(*) from peer_booking.peer_sessions) as sessions;

-- @expect ok
select set_config('request.jwt.claims', jsonb_build_object('sub', :client)::text, false);
-- @expect ok accounts=1, balance=40
select
    count(*) as accounts,
    sum(account.balance) as balance
from peer_booking.credits as account;
-- @expect ok entries=2, amount=40
select
    count(*) as entries,
    sum(entry.amount) as amount
from peer_booking.credit_transactions as entry;
-- @expect ok allocations=1, amount=100
select
    count(*) as allocations,
    sum(allocation.amount) as amount
from peer_booking.credit_allocations as allocation;
-- @expect ok sessions=1, own=true
select
    count(*) as sessions,
    bool_and(session.id = :session) as own
from peer_booking.peer_sessions as session;

-- @expect ok
select set_config('request.jwt.claims', jsonb_build_object('sub', :practitioner)::text, false);
-- @expect ok sessions=2
select count(*) as sessions
from peer_booking.peer_sessions as session;

-- @expect error 42501 permission denied for table credits
update peer_booking.credits set balance = 1000000 where user_id = :practitioner;
-- @expect error 42501 permission denied for table credits
insert into peer_booking.credits (user_id, balance) values (:stranger, 1000000);
-- @expect error 42501 permission denied for table credits
delete from peer_booking.credits where user_id = :practitioner;
-- @expect error 42501 permission denied for table credit_transactions
delete from peer_booking.credit_transactions where user_id = :practitioner;
-- @expect error 42501 permission denied for table credit_allocations
update peer_booking.credit_allocations set amount = 1000000 where user_id = :practitioner;
-- @expect error 42501 permission denied for table peer_sessions
update peer_booking.peer_sessions set duration_minutes = 1 where id = :others_session;
-- @expect error 42501 permission denied for table users
select count(*) from peer_booking.users;
-- @expect error 42501 permission denied for table credit_transfers
select count(*) from peer_booking.credit_transfers;
-- @expect error 42501 permission denied for table balance_updates
select count(*) from peer_booking.balance_updates;
-- @expect error 42501 permission denied for table credit_audit_log
select count(*) from peer_booking.credit_audit_log;
-- @expect error 42501 permission denied for view credit_transfer_legs
select count(*) from peer_booking.credit_transfer_legs;
-- @expect ok
select set_config('request.jwt.claims', '', false);

-- @as anon
-- @expect error 42501 permission denied for schema peer_booking
select count(*) from peer_booking.credits;

-- @check The balances are as they were
select
    count(*) = 3,
    bool_and(
        account.balance = case account.user_id when :client then 40 when :practitioner then 60 else 200 end
    )
from peer_booking.credits as account
where account.user_id in (:client, :practitioner, :stranger);
