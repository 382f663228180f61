-- title:    Two people refund the same session at once
-- property: serial, replay, ledger
-- detects:  status_acted_on_twice, refund_unbound
-- expect:   exactly 2 ok in process_peer_booking_refund
--
-- Support and the practitioner press the button in the same moment. If both calls read the session as booked,
-- both give its 60 credits back, and the practitioner pays twice. The second must find it refunded.

-- @values client uuid, practitioner uuid, session uuid

-- @setup
insert into peer_booking.users (id) values (:client), (:practitioner);
insert into peer_booking.practitioners (user_id) values (:client), (:practitioner);
select * from peer_booking.allocate_user_credits(:client, 100, 'opening balance');
select * from peer_booking.allocate_user_credits(:practitioner, 100, 'opening balance');
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes)
values (:session, :client, :practitioner, 60);
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);

-- @session support
-- @call process_peer_booking_refund
select * from peer_booking.process_peer_booking_refund(:session, 'called off');

-- @session practitioner
-- @call process_peer_booking_refund
select * from peer_booking.process_peer_booking_refund(:session, 'called off');
