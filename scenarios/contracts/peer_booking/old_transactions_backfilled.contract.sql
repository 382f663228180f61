-- title:    Old transactions get the balance before them, in their order, or the account is left alone
-- property: ledger, replay
-- detects:  stale_balance_in_entry
--
-- Old rows have an amount and the balance after it. What comes before a row is what the row before it came
-- to: subtracting the amount always gives a number too, and would hide that a row is missing. Taken over,
-- they keep their times, and the account goes on where they end. Calling it again takes nothing over.

-- @values veteran uuid, gap uuid, active uuid, newcomer uuid, unknown uuid, a uuid, b uuid, c uuid, d uuid, e uuid, f uuid
-- @setup
insert into peer_booking.users (id) values (:veteran), (:gap), (:active), (:newcomer);
insert into peer_booking.old_transactions
(id, user_id, amount, balance_after, transaction_type, description, created_at)
values
(:c, :veteran, -30, 70, 'spend', 'a course', '2024-01-02 00:00+00'),
(:b, :veteran, 100, 100, 'bonus', 'welcome', '2024-01-01 00:00+00'),
(:a, :veteran, 20, 90, 'session_earning', null, '2024-01-03 00:00+00'),
(:d, :gap, 100, 100, 'bonus', 'welcome', '2024-01-01 00:00+00'),
(:e, :gap, -30, 60, 'spend', 'a course', '2024-01-03 00:00+00'),
(:f, :active, 100, 100, 'bonus', 'welcome', '2024-01-01 00:00+00');

-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:active, 5, 'too early');

-- @call backfill_balance_before
-- @expect refused P0001 User not found: *-*
select * from peer_booking.backfill_balance_before(:unknown);
-- @call backfill_balance_before
-- @expect refused P0001 User not found: <NULL>
select * from peer_booking.backfill_balance_before(null);
-- @call backfill_balance_before
-- @expect refused P0001 Account has newer transactions: *-*
select * from peer_booking.backfill_balance_before(:active);
-- @call backfill_balance_before
-- @expect refused P0001 Old transactions do not follow each other: *-*
select * from peer_booking.backfill_balance_before(:gap);

-- @check The account with the gap is left alone
select count(*) = 0
from peer_booking.credits as account
where account.user_id = :gap;

-- @call backfill_balance_before
-- @expect ok backfill_balance_before=3
select * from peer_booking.backfill_balance_before(:veteran);

-- @check Each entry starts where the one before it ended, and has its old time
select
    count(*) = 3,
    array_agg(entry.old_transaction_id order by entry.entry_no) = array[:b, :c, :a],
    array_agg(entry.balance_before order by entry.entry_no) = array[0, 100, 70],
    array_agg(entry.balance_after order by entry.entry_no) = array[100, 70, 90],
    bool_and(
        entry.created_at = old_transaction.created_at
        and entry.transaction_type = old_transaction.transaction_type
        and entry.description is not distinct from old_transaction.description
    )
from peer_booking.credit_transactions as entry
inner join peer_booking.old_transactions as old_transaction on entry.old_transaction_id = old_transaction.id
where entry.user_id = :veteran;

-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:veteran, -90, 'spend', 'all of it');
-- @call backfill_balance_before
-- @expect ok backfill_balance_before=3
select * from peer_booking.backfill_balance_before(:veteran);
-- @call backfill_balance_before
-- @expect ok backfill_balance_before=0
select * from peer_booking.backfill_balance_before(:newcomer);

-- @check Nothing was taken over twice, and a user without a past has an empty account
select
    (select account.balance = 0 from peer_booking.credits as account where account.user_id = :veteran),
    (select account.balance = 0 from peer_booking.credits as account where account.user_id = :newcomer),
    (select account.balance = 5 from peer_booking.credits as account where account.user_id = :active),
    count(*) = 4
from peer_booking.credit_transactions as entry
where entry.user_id = :veteran;

-- The row that was missing turns up.
-- @as superuser
insert into peer_booking.old_transactions (id, user_id, amount, balance_after, transaction_type, created_at)
values (:unknown, :gap, -10, 90, 'spend', '2024-01-02 00:00+00');
-- @as service_role
-- @call backfill_balance_before
-- @expect ok backfill_balance_before=3
select * from peer_booking.backfill_balance_before(:gap);

-- @check The account goes on from 60
select account.balance = 60
from peer_booking.credits as account
where account.user_id = :gap;
