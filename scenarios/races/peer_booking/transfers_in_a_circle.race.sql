-- title:    Two users send each other credits at once
-- property: serial, deadlock, ledger
-- detects:  locks_in_caller_order, read_modify_write
-- expect:   exactly 2 ok in credits_transfer
--
-- Each call takes from the account that the other one gives to. Both accounts have to be locked before either
-- balance is read, and in one order for both calls.

-- @values ann uuid, ben uuid

-- @setup
insert into peer_booking.users (id) values (:ann), (:ben);
select * from peer_booking.allocate_user_credits(:ann, 50, 'opening balance');
select * from peer_booking.allocate_user_credits(:ben, 50, 'opening balance');

-- @session ann
-- @call credits_transfer
select * from peer_booking.credits_transfer(:ann, :ben, 40);

-- @session ben
-- @call credits_transfer
select * from peer_booking.credits_transfer(:ben, :ann, 30);
