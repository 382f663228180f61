-- title:    A transfer takes from one user and gives to the other, once, or does neither
-- property: replay, ledger
-- detects:  not_idempotent, key_reused_for_other_arguments, self_transfer_mints
--
-- Both transactions carry the reference, and the call returns their ids. The same reference again, with the
-- same arguments, moves nothing and returns the same two. The receiver's first credits open the account.

-- @values sender uuid, receiver uuid, unknown uuid, gift uuid
-- @setup
insert into peer_booking.users (id) values (:sender), (:receiver);

-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:sender, 100, 'welcome');

-- @call credits_transfer
-- @expect refused P0001 Reference is incomplete
select * from peer_booking.credits_transfer(:sender, :sender, 30, :gift);
-- @call credits_transfer
-- @expect refused P0001 Reference is incomplete
select * from peer_booking.credits_transfer(:sender, :sender, 30, null, 'gift');
-- @call credits_transfer
-- @expect refused P0001 Reference is incomplete
select * from peer_booking.credits_transfer(:sender, :sender, 30, :gift, '');
-- @call credits_transfer
-- @expect refused P0001 Sender and receiver are the same: *-*
select * from peer_booking.credits_transfer(:unknown, :unknown, 30, :gift, 'gift');
-- @call credits_transfer
-- @expect refused P0001 Sender and receiver are the same: *-*
select * from peer_booking.credits_transfer(:sender, :sender, 30, :gift, 'gift');
-- @call credits_transfer
-- @expect refused P0001 User not found: *-*
select * from peer_booking.credits_transfer(:unknown, :receiver, 30, :gift, 'gift');
-- @call credits_transfer
-- @expect refused P0001 User not found: *-*
select * from peer_booking.credits_transfer(:sender, :unknown, 30, :gift, 'gift');
-- @call credits_transfer
-- @expect refused P0001 User not found: <NULL>
select * from peer_booking.credits_transfer(:sender, null, 30, :gift, 'gift');
-- @call credits_transfer
-- @expect refused P0001 User not found: <NULL>
select * from peer_booking.credits_transfer(null, null, 30, :gift, 'gift');
-- @call credits_transfer
-- @expect refused P0001 Insufficient credits. Current: 100, Required: 101
select * from peer_booking.credits_transfer(:sender, :receiver, 101, :gift, 'gift');

-- @call credits_transfer
-- @expect ok
select * from peer_booking.credits_transfer(:sender, :receiver, 30, :gift, 'gift', 'thank you');

-- @check Both legs are in the ledger, of one transfer and under its reference
select
    count(*) = 2,
    count(distinct entry.transfer_id) = 1,
    bool_and(entry.reference_id = :gift and entry.reference_type = 'gift' and entry.description = 'thank you'),
    bool_or(
        entry.user_id = :sender and entry.transaction_type = 'transfer_out'
        and entry.amount = -30 and entry.balance_before = 100 and entry.balance_after = 70
    ),
    bool_or(
        entry.user_id = :receiver and entry.transaction_type = 'transfer_in'
        and entry.amount = 30 and entry.balance_before = 0 and entry.balance_after = 30
    )
from peer_booking.credit_transactions as entry
where entry.transfer_id is not null and entry.user_id in (:sender, :receiver);

-- @call credits_transfer
-- @expect ok
select * from peer_booking.credits_transfer(:sender, :receiver, 10);
-- @call credits_transfer
-- @expect ok
select * from peer_booking.credits_transfer(:sender, :receiver, 10, null, null, null);

-- @call credits_transfer
-- @expect ok returns_the_first_spending=true, returns_the_first_earning=true
select
    spent.user_id = :sender and spent.balance_before = 100 as returns_the_first_spending,
    earned.user_id = :receiver and earned.balance_before = 0 as returns_the_first_earning
from peer_booking.credits_transfer(:sender, :receiver, 30, :gift, 'gift', 'thank you') as legs
left join peer_booking.credit_transactions as spent on legs.spend_transaction_id = spent.id
left join peer_booking.credit_transactions as earned on legs.earn_transaction_id = earned.id;

-- @call credits_transfer
-- @expect refused P0001 Reference was used with other arguments: gift *-*
select * from peer_booking.credits_transfer(:sender, :receiver, 31, :gift, 'gift', 'thank you');
-- @call credits_transfer
-- @expect refused P0001 Reference was used with other arguments: gift *-*
select * from peer_booking.credits_transfer(:receiver, :sender, 30, :gift, 'gift', 'thank you');
-- @call credits_transfer
-- @expect refused P0001 Reference was used with other arguments: gift *-*
select * from peer_booking.credits_transfer(:sender, :receiver, 30, :gift, 'gift');
-- @call credits_transfer
-- @expect refused P0001 User not found: *-*
select * from peer_booking.credits_transfer(:sender, :unknown, 30, :gift, 'gift', 'thank you');

-- A reference is an id of a type, and a repeat finds its own.
-- @call credits_transfer
-- @expect ok
select * from peer_booking.credits_transfer(:sender, :receiver, 5, :gift, 'tip');
-- @call credits_transfer
-- @expect ok returns_the_first_spending=true
select spent.user_id = :sender and spent.balance_before = 100 as returns_the_first_spending
from peer_booking.credits_transfer(:sender, :receiver, 30, :gift, 'gift', 'thank you') as legs
left join peer_booking.credit_transactions as spent on legs.spend_transaction_id = spent.id;

-- @check Four transfers moved 55 credits
select
    (select account.balance = 45 from peer_booking.credits as account where account.user_id = :sender),
    (select account.balance = 55 from peer_booking.credits as account where account.user_id = :receiver),
    count(*) = 4
from peer_booking.credit_transfers as transfer
where transfer.from_user_id = :sender;
