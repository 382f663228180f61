-- title:    A refund gives back what a session cost, from who got it to who paid it, and once
-- property: replay, ledger
-- detects:  refund_unbound, not_idempotent, state_not_rechecked
--
-- The session is the key and its booking knows the amount, so there is nothing that a caller could choose but
-- the reason. The same refund again moves nothing and answers as the first time; one for another reason is
-- another request, and refused. A refunded session stays refunded.

-- @values client uuid, practitioner uuid, session uuid, pending uuid, cancelled uuid, unknown uuid
-- @setup
insert into peer_booking.users (id) values (:client), (:practitioner);
insert into peer_booking.practitioners (user_id) values (:client), (:practitioner);
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes, status)
values
(:session, :client, :practitioner, 60, 'pending'),
(:pending, :client, :practitioner, 60, 'pending'),
(:cancelled, :client, :practitioner, 60, 'cancelled');

-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:client, 100, 'welcome');
-- @call process_peer_booking_credits
-- @expect ok
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);

-- @call process_peer_booking_refund
-- @expect refused process_peer_booking_refund={"success" : false, "error" : "Reason is missing", "credits_refunded" : 0}
select * from peer_booking.process_peer_booking_refund(:unknown, null);
-- @call process_peer_booking_refund
-- @expect refused process_peer_booking_refund={"success" : false, "error" : "Reason is missing", "credits_refunded" : 0}
select * from peer_booking.process_peer_booking_refund(:session, '  ');
-- @call process_peer_booking_refund
-- @expect refused process_peer_booking_refund={"success" : false, "error" : "Session not found: *-*", "credits_refunded" : 0}
select * from peer_booking.process_peer_booking_refund(:unknown, 'called off');
-- @call process_peer_booking_refund
-- @expect refused process_peer_booking_refund={"success" : false, "error" : "Session not found: <NULL>", "credits_refunded" : 0}
select * from peer_booking.process_peer_booking_refund(null, 'called off');
-- @call process_peer_booking_refund
-- @expect refused process_peer_booking_refund={"success" : false, "error" : "Session cannot be refunded. Status: pending", "credits_refunded" : 0}
select * from peer_booking.process_peer_booking_refund(:pending, 'called off');
-- @call process_peer_booking_refund
-- @expect refused process_peer_booking_refund={"success" : false, "error" : "Session cannot be refunded. Status: cancelled", "credits_refunded" : 0}
select * from peer_booking.process_peer_booking_refund(:cancelled, 'called off');

-- @check No refusal moved a credit
select
    (select account.balance = 40 from peer_booking.credits as account where account.user_id = :client),
    (select account.balance = 60 from peer_booking.credits as account where account.user_id = :practitioner);

-- @call process_peer_booking_refund
-- @expect ok process_peer_booking_refund={"success" : true, "credits_refunded" : 60, "client_balance_before" : 40, "client_balance_after" : 100, "practitioner_balance_before" : 60, "practitioner_balance_after" : 0}
select * from peer_booking.process_peer_booking_refund(:session, 'called off');
-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:practitioner, 60, 'between the two refunds');
-- @call process_peer_booking_refund
-- @expect ok process_peer_booking_refund={"success" : true, "credits_refunded" : 60, "client_balance_before" : 40, "client_balance_after" : 100, "practitioner_balance_before" : 60, "practitioner_balance_after" : 0}
select * from peer_booking.process_peer_booking_refund(:session, 'called off');
-- @call process_peer_booking_refund
-- @expect refused process_peer_booking_refund={"success" : false, "error" : "Session was refunded for another reason: *-*", "credits_refunded" : 0}
select * from peer_booking.process_peer_booking_refund(:session, 'fell ill');

-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Session cannot be booked. Status: refunded", "credit_cost" : 60}
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);

-- @check Both legs of the refund are in the ledger, once and with its reason
select
    count(*) = 2,
    bool_and(entry.reference_type = 'peer_session' and entry.description = 'called off'),
    bool_or(entry.user_id = :client and entry.transaction_type = 'session_refund' and entry.amount = 60),
    bool_or(entry.user_id = :practitioner and entry.transaction_type = 'session_reversal' and entry.amount = -60)
from peer_booking.credit_transactions as entry
where entry.reference_id = :session and entry.transaction_type in ('session_refund', 'session_reversal');

-- @check The session says so, and the balances
select
    session.status = 'refunded' and session.refunded_at is not null and session.refund_reason = 'called off',
    session.credit_cost = 60 and session.booked_at is not null,
    (select account.balance = 100 from peer_booking.credits as account where account.user_id = :client),
    (select account.balance = 60 from peer_booking.credits as account where account.user_id = :practitioner)
from peer_booking.peer_sessions as session
where session.id = :session;
