-- title:    One purchase of credits is booked twice at once, under one reference
-- property: serial, replay, ledger
-- detects:  insert_where_not_exists, unique_missing_on_key, raw_unique_violation, check_before_lock
-- expect:   exactly 2 ok in update_credit_balance
--
-- The reference says that both calls mean the same sale. The second must wait for the first and return the same
-- transaction, not credit the sale again, and not fail on an index either.

-- @values buyer uuid, sale uuid

-- @setup
insert into peer_booking.users (id) values (:buyer);

-- @session first_try
-- @call update_credit_balance
select * from peer_booking.update_credit_balance(:buyer, 50, 'purchase', 'a pack of credits', :sale, 'sale');

-- @session second_try
-- @call update_credit_balance
select * from peer_booking.update_credit_balance(:buyer, 50, 'purchase', 'a pack of credits', :sale, 'sale');
