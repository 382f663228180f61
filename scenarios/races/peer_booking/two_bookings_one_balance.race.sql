-- title:    A client books two sessions at once and has credits for one
-- property: serial, ledger
-- detects:  check_then_act, read_modify_write
-- expect:   exactly 1 ok in process_peer_booking_credits
-- expect:   exactly 1 refused in process_peer_booking_credits
--
-- The client has 60 credits, and each session costs 60. If both bookings read the 60 before either has taken
-- them, both find enough: the balance goes below zero, or one payment overwrites the other. The sessions are
-- with different practitioners, so nothing but the client's account puts the calls in a line.

-- @values client uuid, ann uuid, ben uuid, session_a uuid, session_b uuid

-- @setup
insert into peer_booking.users (id) values (:client), (:ann), (:ben);
insert into peer_booking.practitioners (user_id) values (:client), (:ann), (:ben);
select * from peer_booking.allocate_user_credits(:client, 60, 'opening balance');
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes)
values
(:session_a, :client, :ann, 60),
(:session_b, :client, :ben, 60);

-- @session browser
-- @call process_peer_booking_credits
select * from peer_booking.process_peer_booking_credits(:client, :ann, :session_a, 60);

-- @session phone
-- @call process_peer_booking_credits
select * from peer_booking.process_peer_booking_credits(:client, :ben, :session_b, 60);
