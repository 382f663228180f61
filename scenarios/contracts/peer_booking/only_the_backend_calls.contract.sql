-- title:    Only the backend's role may call the functions, and nobody writes past them
-- property: access
-- detects:  executable_by_anyone, app_read_modify_write
--
-- Credit can be made by whoever may call these functions, or write the tables. A signed-in user may do
-- neither, and the backend itself writes no table directly: a balance that an application reads, computes
-- and writes back overwrites what happened in between.

-- @values client uuid, practitioner uuid, session uuid, subscription uuid, old_transaction uuid
-- @setup
insert into peer_booking.users (id) values (:client), (:practitioner);
insert into peer_booking.practitioners (user_id) values (:client), (:practitioner);
insert into peer_booking.subscriptions (id, user_id) values (:subscription, :client);
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes)
values (:session, :client, :practitioner, 60);

-- @as anon
-- @call update_credit_balance
-- @expect error 42501 permission denied for schema peer_booking
select * from peer_booking.update_credit_balance(:client, 100, 'bonus', 'a gift to myself');
-- @call credits_transfer
-- @expect error 42501 permission denied for schema peer_booking
select * from peer_booking.credits_transfer(:practitioner, :client, 100);
-- @call allocate_monthly_credits
-- @expect error 42501 permission denied for schema peer_booking
select * from peer_booking.allocate_monthly_credits(
    :client, :subscription, 100, 'monthly', '2025-01-01 00:00+00', '2025-02-01 00:00+00'
);
-- @call allocate_user_credits
-- @expect error 42501 permission denied for schema peer_booking
select * from peer_booking.allocate_user_credits(:client, 100, 'a gift to myself');
-- @call process_peer_booking_credits
-- @expect error 42501 permission denied for schema peer_booking
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);
-- @call process_peer_booking_refund
-- @expect error 42501 permission denied for schema peer_booking
select * from peer_booking.process_peer_booking_refund(:session, 'called off');
-- @call backfill_balance_before
-- @expect error 42501 permission denied for schema peer_booking
select * from peer_booking.backfill_balance_before(:client);
-- @call reconcile_credits
-- @expect error 42501 permission denied for schema peer_booking
select * from peer_booking.reconcile_credits();

-- @as authenticated
-- @call update_credit_balance
-- @expect error 42501 permission denied for function update_credit_balance
select * from peer_booking.update_credit_balance(:client, 100, 'bonus', 'a gift to myself');
-- @call credits_transfer
-- @expect error 42501 permission denied for function credits_transfer
select * from peer_booking.credits_transfer(:practitioner, :client, 100);
-- @call allocate_monthly_credits
-- @expect error 42501 permission denied for function allocate_monthly_credits
select * from peer_booking.allocate_monthly_credits(
    :client, :subscription, 100, 'monthly', '2025-01-01 00:00+00', '2025-02-01 00:00+00'
);
-- @call allocate_user_credits
-- @expect error 42501 permission denied for function allocate_user_credits
select * from peer_booking.allocate_user_credits(:client, 100, 'a gift to myself');
-- @call process_peer_booking_credits
-- @expect error 42501 permission denied for function process_peer_booking_credits
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);
-- @call process_peer_booking_refund
-- @expect error 42501 permission denied for function process_peer_booking_refund
select * from peer_booking.process_peer_booking_refund(:session, 'called off');
-- @call backfill_balance_before
-- @expect error 42501 permission denied for function backfill_balance_before
select * from peer_booking.backfill_balance_before(:client);
-- @call reconcile_credits
-- @expect error 42501 permission denied for function reconcile_credits
select * from peer_booking.reconcile_credits();
-- @expect error 42501 permission denied for function lock_accounts
select peer_booking.lock_accounts(array[:client]);
-- @expect error 42501 permission denied for function post_credit_entry
select peer_booking.post_credit_entry(:client, 100, 'bonus', 'a gift to myself', null, null);

-- @as service_role
-- @expect error 42501 permission denied for function lock_accounts
select peer_booking.lock_accounts(array[:client]);
-- @expect error 42501 permission denied for function post_credit_entry
select peer_booking.post_credit_entry(:client, 100, 'bonus', 'by hand', null, null);
-- @expect error 42501 permission denied for function move_credits
select peer_booking.move_credits(null::peer_booking.credit_transfers);
-- @expect error 42501 permission denied for table credits
insert into peer_booking.credits (user_id, balance) values (:client, 100);
-- @expect error 42501 permission denied for table credits
update peer_booking.credits set balance = 100 where user_id = :client;
-- @expect error 42501 permission denied for table balance_updates
insert into peer_booking.balance_updates (user_id, amount, transaction_type) values (:client, 100, 'bonus');
-- @expect error 42501 permission denied for table credit_transfers
insert into peer_booking.credit_transfers (kind, from_user_id, to_user_id, amount)
values ('transfer', :practitioner, :client, 100);
-- @expect error 42501 permission denied for table credit_allocations
insert into peer_booking.credit_allocations (user_id, amount, allocation_type) values (:client, 100, 'event');
-- @expect error 42501 permission denied for table old_transactions
insert into peer_booking.old_transactions (id, user_id, amount, balance_after, transaction_type, created_at)
values (:old_transaction, :client, 100, 100, 'bonus', '2024-01-01 00:00+00');
-- @expect error 42501 permission denied for table peer_sessions
update peer_booking.peer_sessions set status = 'cancelled' where id = :session;
-- @expect error 42501 permission denied for table credit_audit_log
delete from peer_booking.credit_audit_log;

-- @check Nothing of this changed anything
select
    not exists (
        select 1 from peer_booking.credits as account where account.user_id in (:client, :practitioner)
    ),
    not exists (
        select 1 from peer_booking.credit_allocations as allocation where allocation.user_id = :client
    ),
    session.status = 'pending'
from peer_booking.peer_sessions as session
where session.id = :session;

-- It may read what it wrote.
-- @as service_role
-- @expect ok sessions=1
select count(*) as sessions
from peer_booking.peer_sessions as session
where session.client_id = :client;
