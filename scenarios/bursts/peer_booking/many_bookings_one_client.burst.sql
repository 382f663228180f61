-- title:    A client books fifty sessions at the same instant, and has credits for three
-- property: serial, ledger
-- detects:  check_then_act, read_modify_write
-- callers:  50
-- expect:   exactly 3 ok in process_peer_booking_credits
-- expect:   the others refused
--
-- Every session is with a practitioner of its own, so nothing but the client's account puts the calls in a line.

-- @values client uuid
-- @setup
insert into peer_booking.users (id) values (:client);
insert into peer_booking.practitioners (user_id) values (:client);
select * from peer_booking.allocate_user_credits(:client, 180, 'opening balance');

-- @caller practitioner uuid, peer_session uuid
insert into peer_booking.users (id) values (:practitioner);
insert into peer_booking.practitioners (user_id) values (:practitioner);
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes)
values (:peer_session, :client, :practitioner, 60);

-- @call process_peer_booking_credits
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :peer_session, 60);

-- @check The client has paid for three sessions
select
    wallet.balance = 0 as all_spent,
    (
        select count(*) = 3 from peer_booking.peer_sessions as booked
        where booked.client_id = wallet.user_id and booked.status = 'booked'
    ) as three_booked
from peer_booking.credits as wallet
where wallet.user_id = :client;
