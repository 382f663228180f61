-- title:    The books are reconciled while credits are on their way
-- property: serial, ledger
-- detects:  check_then_act
-- expect:   exactly 1 ok in reconcile_credits
-- expect:   exactly 1 ok in credits_transfer
--
-- Balances and entries change together, and have to be read together. A reconciliation that reads one after the
-- other compares two moments, and reports a drift that never was. Whoever reads the report learns not to
-- believe it.

-- @values ann uuid, ben uuid

-- @setup
insert into peer_booking.users (id) values (:ann), (:ben);
select * from peer_booking.allocate_user_credits(:ann, 50, 'opening balance');
select * from peer_booking.allocate_user_credits(:ben, 50, 'opening balance');

-- @session ann
-- @call credits_transfer
select * from peer_booking.credits_transfer(:ann, :ben, 40);

-- @session auditor
-- @call reconcile_credits
select * from peer_booking.reconcile_credits();
