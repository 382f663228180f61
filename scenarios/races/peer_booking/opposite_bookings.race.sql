-- title:    Two practitioners book a session with each other at once
-- property: serial, deadlock
-- detects:  locks_in_caller_order, exception_swallowed
-- expect:   exactly 2 ok in process_peer_booking_credits
--
-- Each is client in one session and practitioner in the other. If every booking locks its client first, each
-- holds the account that the other one wants: a deadlock, and a booking that fails for no fault of anybody's.
-- Taken in the order of the ids, the second just waits. Both have credits, so both bookings go through.

-- @values ann uuid, ben uuid, session_a uuid, session_b uuid

-- @setup
insert into peer_booking.users (id) values (:ann), (:ben);
insert into peer_booking.practitioners (user_id) values (:ann), (:ben);
select * from peer_booking.allocate_user_credits(:ann, 100, 'opening balance');
select * from peer_booking.allocate_user_credits(:ben, 100, 'opening balance');
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes)
values
(:session_a, :ann, :ben, 30),
(:session_b, :ben, :ann, 60);

-- @session ann
-- @call process_peer_booking_credits
select * from peer_booking.process_peer_booking_credits(:ann, :ben, :session_a, 30);

-- @session ben
-- @call process_peer_booking_credits
select * from peer_booking.process_peer_booking_credits(:ben, :ann, :session_b, 60);
