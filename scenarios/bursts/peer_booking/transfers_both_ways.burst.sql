-- title:    Five pairs of users send each other credits, five times each way, at the same instant
-- property: serial, deadlock, ledger
-- detects:  locks_in_caller_order, read_modify_write
-- callers:  50
-- spread:   5
-- expect:   all ok
--
-- Whoever locks the sender first and the receiver second meets somebody who does it the other way round.

-- @entity ann uuid, ben uuid
insert into peer_booking.users (id) values (:ann), (:ben);
select * from peer_booking.allocate_user_credits(:ann, 100, 'opening balance');
select * from peer_booking.allocate_user_credits(:ben, 100, 'opening balance');

-- @call credits_transfer
select * from peer_booking.credits_transfer(:ann, :ben, 7);

-- @call credits_transfer
select * from peer_booking.credits_transfer(:ben, :ann, 7);

-- @check As much went one way as the other
select wallet.balance = 100
from peer_booking.credits as wallet
where wallet.user_id in (:ann, :ben);
