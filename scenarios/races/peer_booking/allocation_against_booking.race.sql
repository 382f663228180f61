-- title:    A month's credits arrive while their user books a session
-- property: serial, ledger
-- detects:  read_modify_write, stale_balance_in_entry, skip_locked_spend
-- expect:   exactly 1 ok in process_peer_booking_credits
-- expect:   exactly 1 ok in allocate_monthly_credits
--
-- The client has 60 credits, pays 60 and receives 100, so 100 must be left. If both calls start from the
-- balance that they read, the later one overwrites the earlier: the payment or the month is lost. The booking
-- must not be refused either: its 60 credits were there all the time.

-- @values subscriber uuid, practitioner uuid, subscription uuid, session uuid

-- @setup
insert into peer_booking.users (id) values (:subscriber), (:practitioner);
insert into peer_booking.practitioners (user_id) values (:subscriber), (:practitioner);
insert into peer_booking.subscriptions (id, user_id) values (:subscription, :subscriber);
select * from peer_booking.allocate_user_credits(:subscriber, 60, 'opening balance');
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes)
values (:session, :subscriber, :practitioner, 60);

-- @session webhook
-- @call allocate_monthly_credits
select * from peer_booking.allocate_monthly_credits(
    :subscriber, :subscription, 100, 'monthly', '2025-01-01 00:00+00', '2025-02-01 00:00+00'
);

-- @session client
-- @call process_peer_booking_credits
select * from peer_booking.process_peer_booking_credits(:subscriber, :practitioner, :session, 60);
