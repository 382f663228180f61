-- title:    A session is refunded while its practitioner spends the credits
-- property: serial, ledger
-- detects:  check_then_act, read_modify_write, check_before_lock
-- expect:   exactly 1 ok
-- expect:   exactly 1 refused
--
-- The practitioner has the 60 credits of the session and nothing else. Either the refund takes them back and
-- the spending is refused, or they are spent and the refund is. If the refund looks before it locks, it takes
-- what isn't there any more.

-- @values client uuid, practitioner uuid, session uuid

-- @setup
insert into peer_booking.users (id) values (:client), (:practitioner);
insert into peer_booking.practitioners (user_id) values (:client), (:practitioner);
select * from peer_booking.allocate_user_credits(:client, 60, 'opening balance');
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes)
values (:session, :client, :practitioner, 60);
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);

-- @session support
-- @call process_peer_booking_refund
select * from peer_booking.process_peer_booking_refund(:session, 'called off');

-- @session practitioner
-- @call update_credit_balance
select * from peer_booking.update_credit_balance(:practitioner, -60, 'spend', 'a course');
