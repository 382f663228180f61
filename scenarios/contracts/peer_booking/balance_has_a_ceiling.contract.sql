-- title:    Credit that would lift a balance above the largest integer is refused, not lost or an overflow
-- property: input, state
-- detects:  exception_swallowed, clamped_at_zero
--
-- Every function adds credit to some account. Where it doesn't fit, the call is refused as a business
-- answer, nothing of it stays behind, and it goes through once there is room.

-- @values rich uuid, client uuid, subscription uuid, session uuid, booked uuid, key uuid, event text
-- @setup
insert into peer_booking.users (id) values (:rich), (:client);
insert into peer_booking.practitioners (user_id) values (:rich), (:client);
insert into peer_booking.subscriptions (id, user_id) values (:subscription, :rich);
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes)
values (:session, :client, :rich, 60), (:booked, :rich, :client, 30);

-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:rich, 30, 'for a session');
-- @call process_peer_booking_credits
-- @expect ok *"success" : true, *
select * from peer_booking.process_peer_booking_credits(:rich, :client, :booked, 30);
-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:client, 70, 'for two sessions');
-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:rich, 2147483647, 'all there is');

-- @call allocate_user_credits
-- @expect refused P0001 Credit balance would be too large: 2147483648
select * from peer_booking.allocate_user_credits(:rich, 1, 'one more', :event);
-- @call allocate_user_credits
-- @expect refused P0001 Credit balance would be too large: 4294967294
select * from peer_booking.allocate_user_credits(:rich, 2147483647, 'as much again', :event);
-- @call allocate_monthly_credits
-- @expect refused P0001 Credit balance would be too large: 2147483747
select * from peer_booking.allocate_monthly_credits(
    :rich, :subscription, 100, 'monthly', '2025-01-01 00:00+00', '2025-02-01 00:00+00'
);
-- @call update_credit_balance
-- @expect refused P0001 Credit balance would be too large: 2147483648
select * from peer_booking.update_credit_balance(:rich, 1, 'bonus', 'one more', :key, 'sale');
-- @call credits_transfer
-- @expect refused P0001 Credit balance would be too large: 2147483657
select * from peer_booking.credits_transfer(:client, :rich, 10, :key, 'gift');
-- @call process_peer_booking_credits
-- @expect refused *"error" : "Credit balance would be too large: 2147483707", "credit_cost" : 60}
select * from peer_booking.process_peer_booking_credits(:client, :rich, :session, 60);
-- @call process_peer_booking_refund
-- @expect refused *"error" : "Credit balance would be too large: 2147483677", "credits_refunded" : 0}
select * from peer_booking.process_peer_booking_refund(:booked, 'called off');

-- @check The refused calls left nothing behind
select
    (select account.balance = 2147483647 from peer_booking.credits as account where account.user_id = :rich),
    (select account.balance = 100 from peer_booking.credits as account where account.user_id = :client),
    not exists (
        select 1 from peer_booking.credit_allocations as allocation
        where allocation.event_id = :event or allocation.subscription_id = :subscription
    ),
    not exists (
        select 1 from peer_booking.balance_updates as requested where requested.reference_id = :key
    ),
    not exists (
        select 1 from peer_booking.credit_transfers as transfer where transfer.reference_id = :key
    ),
    (select session.status = 'pending' from peer_booking.peer_sessions as session where session.id = :session),
    (select session.status = 'booked' from peer_booking.peer_sessions as session where session.id = :booked);

-- Spending makes room, which the same calls fill again.
-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:rich, -202, 'spend', 'an island');
-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:rich, 1, 'one more', :event);
-- @call allocate_monthly_credits
-- @expect ok
select * from peer_booking.allocate_monthly_credits(
    :rich, :subscription, 100, 'monthly', '2025-01-01 00:00+00', '2025-02-01 00:00+00'
);
-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:rich, 1, 'bonus', 'one more', :key, 'sale');
-- @call credits_transfer
-- @expect ok
select * from peer_booking.credits_transfer(:client, :rich, 10, :key, 'gift');
-- @call process_peer_booking_credits
-- @expect ok *"practitioner_balance_before" : 2147483557, "practitioner_balance_after" : 2147483617}
select * from peer_booking.process_peer_booking_credits(:client, :rich, :session, 60);
-- @call process_peer_booking_refund
-- @expect ok *"client_balance_before" : 2147483617, "client_balance_after" : 2147483647, *
select * from peer_booking.process_peer_booking_refund(:booked, 'called off');
