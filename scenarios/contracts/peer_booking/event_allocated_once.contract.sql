-- title:    An event gives its credits once
-- property: replay, ledger
-- detects:  not_idempotent, key_reused_for_other_arguments
--
-- The event's id is the key. The same event again gives nothing and returns the same allocation; with other
-- arguments it is refused. Without an id every call is a request of its own.

-- @values client uuid, other uuid, unknown uuid, event text
-- @setup
insert into peer_booking.users (id) values (:client), (:other);

-- @call allocate_user_credits
-- @expect refused P0001 Event id is blank
select * from peer_booking.allocate_user_credits(:unknown, 25, 'referral', '');
-- @call allocate_user_credits
-- @expect refused P0001 Event id is blank
select * from peer_booking.allocate_user_credits(:unknown, 25, 'referral', '  ');
-- @call allocate_user_credits
-- @expect refused P0001 User not found: *-*
select * from peer_booking.allocate_user_credits(:unknown, 25, 'referral', :event);
-- @call allocate_user_credits
-- @expect refused P0001 User not found: <NULL>
select * from peer_booking.allocate_user_credits(null, 25, 'referral', :event);

-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:client, 25, 'referral', :event);
-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:client, 5, 'without an id');
-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:client, 5, 'without an id', null);
-- @call allocate_user_credits
-- @expect ok returns_the_first=true
select
    entry.balance_before = 0 and entry.transaction_type = 'bonus' and entry.description = 'referral'
    as returns_the_first
from peer_booking.allocate_user_credits(:client, 25, 'referral', :event) as repeated (id)
left join peer_booking.credit_transactions as entry on repeated.id = entry.allocation_id;

-- @call allocate_user_credits
-- @expect refused P0001 Event was used with other arguments: *
select * from peer_booking.allocate_user_credits(:client, 26, 'referral', :event);
-- @call allocate_user_credits
-- @expect refused P0001 Event was used with other arguments: *
select * from peer_booking.allocate_user_credits(:client, 25, null, :event);
-- @call allocate_user_credits
-- @expect refused P0001 Event was used with other arguments: *
select * from peer_booking.allocate_user_credits(:other, 25, 'referral', :event);
-- @call allocate_user_credits
-- @expect refused P0001 User not found: *-*
select * from peer_booking.allocate_user_credits(:unknown, 25, 'referral', :event);

-- @check Three allocations gave 35 credits, and nobody else got any
select
    account.balance = 35,
    (
        select count(*) = 3
        from peer_booking.credit_allocations as allocation
        where allocation.user_id = :client
    ),
    not exists (
        select 1 from peer_booking.credits as other_account where other_account.user_id = :other
    )
from peer_booking.credits as account
where account.user_id = :client;
