-- title:    Too few credits move nothing and open no account
-- property: state
-- detects:  unguarded_debit, clamped_at_zero, null_passes_check, exception_swallowed
--
-- The refusal says what is there and what is needed. A booking that fails for credit leaves the session
-- pending, and it goes through once the credits are there, down to a balance of exactly zero. A user without
-- an account has nothing, and a refusal opens none: not the payer's, and not the receiver's.

-- @values client uuid, newcomer uuid, practitioner uuid, session uuid, newcomers_session uuid, key uuid
-- @setup
insert into peer_booking.users (id) values (:client), (:newcomer), (:practitioner);
insert into peer_booking.practitioners (user_id) values (:client), (:newcomer), (:practitioner);
insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes)
values (:session, :client, :practitioner, 60), (:newcomers_session, :newcomer, :practitioner, 1);

-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Insufficient credits. Current: 0, Required: 1", "credit_cost" : 1}
select * from peer_booking.process_peer_booking_credits(:newcomer, :practitioner, :newcomers_session, 1);
-- @call credits_transfer
-- @expect refused P0001 Insufficient credits. Current: 0, Required: 1
select * from peer_booking.credits_transfer(:newcomer, :practitioner, 1, :key, 'gift');
-- @call update_credit_balance
-- @expect refused P0001 Insufficient credits. Current: 0, Required: 1
select * from peer_booking.update_credit_balance(:newcomer, -1, 'spend', null, :key, 'sale');
-- @call update_credit_balance
-- @expect refused P0001 Insufficient credits. Current: 0, Required: 2147483648
select * from peer_booking.update_credit_balance(:newcomer, -2147483648, 'adjustment', null);

-- @check No account was opened
select count(*) = 0
from peer_booking.credits as account
where account.user_id in (:newcomer, :practitioner);

-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:client, 59, 'welcome');
-- @call process_peer_booking_credits
-- @expect refused process_peer_booking_credits={"success" : false, "error" : "Insufficient credits. Current: 59, Required: 60", "credit_cost" : 60}
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);
-- @call update_credit_balance
-- @expect refused P0001 Insufficient credits. Current: 59, Required: 60
select * from peer_booking.update_credit_balance(:client, -60, 'adjustment', 'a correction');
-- @call credits_transfer
-- @expect refused P0001 Insufficient credits. Current: 59, Required: 60
select * from peer_booking.credits_transfer(:client, :practitioner, 60);

-- @check Nothing was taken or written down, and the session is pending
select
    account.balance = 59,
    (
        select count(*) = 1
        from peer_booking.credit_transactions as entry
        where entry.user_id in (:client, :newcomer, :practitioner)
    ),
    not exists (
        select 1 from peer_booking.credit_transfers as transfer where transfer.to_user_id = :practitioner
    ),
    not exists (
        select 1 from peer_booking.balance_updates as requested where requested.user_id in (:client, :newcomer)
    ),
    (
        select session.status = 'pending' and session.credit_cost is null
        from peer_booking.peer_sessions as session
        where session.id = :session
    )
from peer_booking.credits as account
where account.user_id = :client;

-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:client, 1, 'adjustment', 'the missing credit');
-- @call process_peer_booking_credits
-- @expect ok *"client_balance_before" : 60, "client_balance_after" : 0, *
select * from peer_booking.process_peer_booking_credits(:client, :practitioner, :session, 60);
-- @call credits_transfer
-- @expect ok
select * from peer_booking.credits_transfer(:practitioner, :newcomer, 60, :key, 'gift');
-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:newcomer, -60, 'spend', null, :key, 'sale');

-- @check All three accounts are at zero
select
    count(*) = 3,
    bool_and(account.balance = 0)
from peer_booking.credits as account
where account.user_id in (:client, :newcomer, :practitioner);
