-- title:    A practitioner who has spent a session's credits can't be made to give them back
-- property: state
-- detects:  unguarded_debit, clamped_at_zero
--
-- The refund takes from the practitioner what it gives to the client. Where that isn't there any more, it is
-- refused and nothing moves: not a part of it, and not out of nothing. Once the credits are there again, the
-- same refund goes through.

-- @values client uuid, practitioner uuid, session uuid
-- @setup
insert into peer_booking.users (id) values (:client), (:practitioner);
insert into peer_booking.practitioners (user_id) values (:client), (:practitioner);
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes)
values (:session, :client, :practitioner, 60);

-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:client, 60, 'welcome');
-- @call process_peer_booking_credits
-- @expect ok
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);
-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:practitioner, -1, 'spend', 'a course');

-- @call process_peer_booking_refund
-- @expect refused process_peer_booking_refund={"success" : false, "error" : "Practitioner has spent the credits. Current: 59, Required: 60", "credits_refunded" : 0}
select * from peer_booking.process_peer_booking_refund(:session, 'called off');

-- @check Nothing moved, and the session is booked
select
    (select account.balance = 0 from peer_booking.credits as account where account.user_id = :client),
    (select account.balance = 59 from peer_booking.credits as account where account.user_id = :practitioner),
    session.status = 'booked' and session.refunded_at is null and session.refund_reason is null
from peer_booking.peer_sessions as session
where session.id = :session;

-- The refusal used nothing up: not the session, and not the reason.
-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:practitioner, 1, 'adjustment', 'the course is off, too');
-- @call process_peer_booking_refund
-- @expect ok *"client_balance_after" : 60, "practitioner_balance_before" : 60, "practitioner_balance_after" : 0}
select * from peer_booking.process_peer_booking_refund(:session, 'fell ill');
