-- title:    A session is refunded while its booking is sent once more
-- property: serial, replay, state
-- detects:  state_not_rechecked, check_before_lock
-- expect:   exactly 1 ok in process_peer_booking_refund
--
-- The answer to the booking got lost and the client's browser repeats it, while the practitioner calls the
-- session off. Before the refund the repeat hears that the session is booked, after it that it can't be booked.
-- A repeat that acts on a status from before the refund would charge the client again.

-- @values client uuid, practitioner uuid, session uuid

-- @setup
insert into peer_booking.users (id) values (:client), (:practitioner);
insert into peer_booking.practitioners (user_id) values (:client), (:practitioner);
select * from peer_booking.allocate_user_credits(:client, 120, 'opening balance');
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes)
values (:session, :client, :practitioner, 60);
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);

-- @session practitioner
-- @call process_peer_booking_refund
select * from peer_booking.process_peer_booking_refund(:session, 'called off');

-- @session browser
-- @call process_peer_booking_credits
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);
