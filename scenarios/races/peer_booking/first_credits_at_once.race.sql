-- title:    A new user is given credits twice at once
-- property: serial, ledger
-- detects:  first_touch_race, read_modify_write, stale_balance_in_entry
-- expect:   exactly 1 ok in allocate_user_credits
-- expect:   exactly 1 ok in update_credit_balance
--
-- The user has no account row yet; the first credits create it. If both calls find none, both insert one: the
-- second fails with a raw unique violation, or overwrites what the first has put in. Both must arrive.

-- @values newcomer uuid

-- @setup
insert into peer_booking.users (id) values (:newcomer);

-- @session welcome
-- @call allocate_user_credits
select * from peer_booking.allocate_user_credits(:newcomer, 30, 'welcome', 'welcome ' || :newcomer::text);

-- @session shop
-- @call update_credit_balance
select * from peer_booking.update_credit_balance(:newcomer, 20, 'purchase', 'a pack of credits');
