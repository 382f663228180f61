-- title:    A session is booked as it was agreed, by its client and with its practitioner, or not at all
-- property: input, state
-- detects:  state_not_rechecked, self_transfer_mints
--
-- A refusal is an answer with its reason, and with the cost where the duration has one. It moves nothing, and
-- the session stays what it was. The reasons come in this order, whatever else is wrong.

-- @values client uuid, practitioner uuid, stranger uuid, session uuid, cancelled uuid, unknown uuid
-- @setup
insert into peer_booking.users (id) values (:client), (:practitioner), (:stranger);
insert into peer_booking.practitioners (user_id) values (:client), (:practitioner), (:stranger);
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes, status)
values (:session, :client, :practitioner, 60, 'pending'), (:cancelled, :client, :practitioner, 60, 'cancelled');

-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:client, 60, 'welcome');
-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:stranger, 60, 'welcome');

-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Invalid duration: <NULL>", "credit_cost" : null}
select * from peer_booking.process_peer_booking_credits(:client, :client, :unknown, null);
-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Invalid duration: 0", "credit_cost" : null}
select * from peer_booking.process_peer_booking_credits(:client, :client, :unknown, 0);
-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Invalid duration: -60", "credit_cost" : null}
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, -60);
-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Invalid duration: 1441", "credit_cost" : null}
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 1441);
-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Client and practitioner are the same: *-*", "credit_cost" : 60}
select * from peer_booking.process_peer_booking_credits(:client, :client, :unknown, 60);
-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Session not found: *-*", "credit_cost" : 60}
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :unknown, 60);
-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Session not found: <NULL>", "credit_cost" : 60}
select * from peer_booking.process_peer_booking_credits(null, null, null, 60);
-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Session has another client or practitioner: *-*", "credit_cost" : 61}
select * from peer_booking.process_peer_booking_credits(:stranger, :practitioner, :session, 61);
-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Session has another client or practitioner: *-*", "credit_cost" : 60}
select * from peer_booking.process_peer_booking_credits(:client, :stranger, :session, 60);
-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Session has another client or practitioner: *-*", "credit_cost" : 60}
select * from peer_booking.process_peer_booking_credits(:practitioner, :client, :session, 60);
-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Session has another client or practitioner: *-*", "credit_cost" : 60}
select * from peer_booking.process_peer_booking_credits(null, null, :session, 60);
-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Session has another duration. Given: 30, Required: 60", "credit_cost" : 30}
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 30);
-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Session has another duration. Given: 61, Required: 60", "credit_cost" : 61}
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :cancelled, 61);
-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Session cannot be booked. Status: cancelled", "credit_cost" : 60}
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :cancelled, 60);

-- @check Nothing moved, and the sessions are as they were
select
    count(*) = 2,
    bool_and(account.balance = 60),
    (
        select count(*) = 2 and bool_and(session.credit_cost is null and session.booked_at is null)
        from peer_booking.peer_sessions as session
        where session.status = case session.id when :session then 'pending' when :cancelled then 'cancelled' end
    ),
    not exists (
        select 1 from peer_booking.credit_transfers as transfer where transfer.session_id in (:session, :cancelled)
    )
from peer_booking.credits as account
where account.user_id in (:client, :practitioner, :stranger);

-- @call process_peer_booking_credits
-- @expect ok *"credit_cost" : 60, "client_balance_before" : 60, "client_balance_after" : 0, *
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);

-- A booked session has no more credits to ask for; who asks with other arguments is still refused.
-- @call process_peer_booking_credits
-- @expect refused *"error" : "Session has another client or practitioner: *-*", *
select * from peer_booking.process_peer_booking_credits(:stranger, :practitioner, :session, 60);
-- @call process_peer_booking_credits
-- @expect refused *"error" : "Session has another duration. Given: 30, Required: 60", *
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 30);
