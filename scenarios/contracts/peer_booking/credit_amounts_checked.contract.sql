-- title:    An amount is a positive number of credits, with the sign that its type has, or it is refused
-- property: input
-- detects:  negative_amount, null_passes_check
--
-- A transfer of -50 takes 50 from the receiver, an allocation of 0 uses up its period, and a purchase of -50
-- is a spending that nobody asked for. Only an adjustment may go both ways. What isn't an amount is refused
-- before anything else is looked at.

-- @values client uuid, other uuid, unknown uuid, subscription uuid, key uuid
-- @setup
insert into peer_booking.users (id) values (:client), (:other);
insert into peer_booking.subscriptions (id, user_id) values (:subscription, :client);

-- @call update_credit_balance
-- @expect refused P0001 Invalid credit amount: <NULL>
select * from peer_booking.update_credit_balance(:unknown, null, 'gift', null, :key);
-- @call update_credit_balance
-- @expect refused P0001 Invalid credit amount: 0
select * from peer_booking.update_credit_balance(:unknown, 0, 'gift', null, :key);
-- @call update_credit_balance
-- @expect refused P0001 Unknown transaction type: <NULL>
select * from peer_booking.update_credit_balance(:unknown, 50, null, null, :key);
-- @call update_credit_balance
-- @expect refused P0001 Unknown transaction type: gift
select * from peer_booking.update_credit_balance(:unknown, 50, 'gift', null, :key);
-- @call update_credit_balance
-- @expect refused P0001 Unknown transaction type: session_earning
select * from peer_booking.update_credit_balance(:unknown, 50, 'session_earning', null, :key);
-- @call update_credit_balance
-- @expect refused P0001 Invalid credit amount for bonus: -50
select * from peer_booking.update_credit_balance(:unknown, -50, 'bonus', null, :key);
-- @call update_credit_balance
-- @expect refused P0001 Invalid credit amount for purchase: -50
select * from peer_booking.update_credit_balance(:unknown, -50, 'purchase', null, :key);
-- @call update_credit_balance
-- @expect refused P0001 Invalid credit amount for spend: 50
select * from peer_booking.update_credit_balance(:unknown, 50, 'spend', null, :key);

-- @call credits_transfer
-- @expect refused P0001 Invalid credit amount: <NULL>
select * from peer_booking.credits_transfer(:unknown, :unknown, null, :key);
-- @call credits_transfer
-- @expect refused P0001 Invalid credit amount: 0
select * from peer_booking.credits_transfer(:unknown, :unknown, 0, :key);
-- @call credits_transfer
-- @expect refused P0001 Invalid credit amount: -50
select * from peer_booking.credits_transfer(:unknown, :unknown, -50, :key);

-- @call allocate_monthly_credits
-- @expect refused P0001 Invalid credit amount: <NULL>
select * from peer_booking.allocate_monthly_credits(:unknown, :unknown, null, 'daily', null, null);
-- @call allocate_monthly_credits
-- @expect refused P0001 Invalid credit amount: 0
select * from peer_booking.allocate_monthly_credits(:unknown, :unknown, 0, 'daily', null, null);
-- @call allocate_monthly_credits
-- @expect refused P0001 Invalid credit amount: -50
select * from peer_booking.allocate_monthly_credits(:unknown, :unknown, -50, 'daily', null, null);

-- @call allocate_user_credits
-- @expect refused P0001 Invalid credit amount: <NULL>
select * from peer_booking.allocate_user_credits(:unknown, null, 'welcome', ' ');
-- @call allocate_user_credits
-- @expect refused P0001 Invalid credit amount: 0
select * from peer_booking.allocate_user_credits(:unknown, 0, 'welcome', ' ');
-- @call allocate_user_credits
-- @expect refused P0001 Invalid credit amount: -50
select * from peer_booking.allocate_user_credits(:unknown, -50, 'welcome', ' ');

-- @check No refusal opened an account
select count(*) = 0
from peer_booking.credits as account
where account.user_id in (:client, :other, :unknown);

-- What is legal, at its smallest.
-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:client, 1, 'bonus', null);
-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:client, 1, 'purchase', null);
-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:client, -1, 'spend', null);
-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:client, 1, 'adjustment', null);
-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:client, -1, 'adjustment', null);
-- @call credits_transfer
-- @expect ok
select * from peer_booking.credits_transfer(:client, :other, 1);
-- @call allocate_monthly_credits
-- @expect ok
select * from peer_booking.allocate_monthly_credits(
    :client, :subscription, 1, 'monthly', '2025-01-01 00:00+00', '2025-02-01 00:00+00'
);
-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:client, 1);

-- @check Each moved one credit
select
    count(*) = 9,
    bool_and(abs(entry.amount) = 1),
    sum(entry.amount) = 3,
    (select account.balance = 2 from peer_booking.credits as account where account.user_id = :client),
    (select account.balance = 1 from peer_booking.credits as account where account.user_id = :other)
from peer_booking.credit_transactions as entry
where entry.user_id in (:client, :other);
