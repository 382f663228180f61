-- title:    A booked session moves its price from the client to the practitioner, once
-- property: replay, ledger
-- detects:  not_idempotent, no_ledger_entry, row_count_ignored
--
-- A minute costs a credit. The answer has both balances, before and after; the session is the key, so a
-- repeat answers as the first time, whatever has happened to the balances meanwhile.

-- @values client uuid, practitioner uuid, session uuid, long_session uuid
-- @setup
insert into peer_booking.users (id) values (:client), (:practitioner);
insert into peer_booking.practitioners (user_id) values (:client), (:practitioner);
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes)
values (:session, :client, :practitioner, 60), (:long_session, :client, :practitioner, 1440);

-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:client, 100, 'welcome');

-- @call process_peer_booking_credits
-- @expect ok process_peer_booking_credits={"success" : true, "credit_cost" : 60, "client_balance_before" : 100, "client_balance_after" : 40, "practitioner_balance_before" : 0, "practitioner_balance_after" : 60}
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);

-- @check The session is booked, at this cost
select session.status = 'booked' and session.credit_cost = 60 and session.booked_at is not null
from peer_booking.peer_sessions as session
where session.id = :session;

-- @check Both legs are in the ledger, under the session
select
    count(*) = 2,
    bool_and(entry.reference_type = 'peer_session'),
    bool_or(
        entry.user_id = :client and entry.transaction_type = 'session_payment'
        and entry.amount = -60 and entry.balance_before = 100 and entry.balance_after = 40
    ),
    bool_or(
        entry.user_id = :practitioner and entry.transaction_type = 'session_earning'
        and entry.amount = 60 and entry.balance_before = 0 and entry.balance_after = 60
    )
from peer_booking.credit_transactions as entry
where entry.reference_id = :session;

-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:client, 1400, 'between the two bookings');
-- @call process_peer_booking_credits
-- @expect ok process_peer_booking_credits={"success" : true, "credit_cost" : 60, "client_balance_before" : 100, "client_balance_after" : 40, "practitioner_balance_before" : 0, "practitioner_balance_after" : 60}
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);
-- @call process_peer_booking_credits
-- @expect ok process_peer_booking_credits={"success" : true, "credit_cost" : 1440, "client_balance_before" : 1440, "client_balance_after" : 0, "practitioner_balance_before" : 60, "practitioner_balance_after" : 1500}
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :long_session, 1440);

-- @check The balances say the same
select
    (select account.balance = 0 from peer_booking.credits as account where account.user_id = :client),
    (select account.balance = 1500 from peer_booking.credits as account where account.user_id = :practitioner);
