-- title:    One session is booked twice at once
-- property: serial, replay, state
-- detects:  check_before_lock, status_acted_on_twice, not_idempotent
-- expect:   exactly 2 ok in process_peer_booking_credits
--
-- The client presses the button twice. If both calls read the session as pending, both take its price. The
-- second must find it booked, take nothing, and answer as the first one did.

-- @values client uuid, practitioner uuid, session uuid

-- @setup
insert into peer_booking.users (id) values (:client), (:practitioner);
insert into peer_booking.practitioners (user_id) values (:client), (:practitioner);
select * from peer_booking.allocate_user_credits(:client, 200, 'opening balance');
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes)
values (:session, :client, :practitioner, 60);

-- @session first_click
-- @call process_peer_booking_credits
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);

-- @session second_click
-- @call process_peer_booking_credits
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);
