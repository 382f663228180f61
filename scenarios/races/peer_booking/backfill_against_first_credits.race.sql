-- title:    Old transactions are taken over while new credits arrive
-- property: serial, ledger
-- detects:  check_before_lock, check_then_act
-- expect:   exactly 1 ok in allocate_user_credits
--
-- Old entries have to come before new ones. If the new credits come first, the backfill must see them and
-- refuse; one that looks before it locks the account would put the past on top of the present.

-- @values veteran uuid, old_1 uuid, old_2 uuid

-- @setup
insert into peer_booking.users (id) values (:veteran);
insert into peer_booking.old_transactions (id, user_id, amount, balance_after, transaction_type, created_at)
values
(:old_1, :veteran, 80, 80, 'bonus', '2024-11-01 12:00+00'),
(:old_2, :veteran, -30, 50, 'spend', '2024-12-01 12:00+00');
insert into peer_booking.credits (user_id) values (:veteran);

-- @session migration
-- @call backfill_balance_before
select * from peer_booking.backfill_balance_before(:veteran);

-- @session shop
-- @call allocate_user_credits
select * from peer_booking.allocate_user_credits(:veteran, 20, 'loyalty', 'loyalty ' || :veteran::text);
