-- title:    One transfer is sent twice at once, under one reference
-- property: serial, replay, ledger
-- detects:  not_idempotent, raw_unique_violation, check_before_lock
-- expect:   exactly 2 ok in credits_transfer
--
-- The second call must return the two transactions of the first. The sender has enough for both, so nothing but
-- the reference keeps the credits from going over twice.

-- @values sender uuid, receiver uuid, gift uuid

-- @setup
insert into peer_booking.users (id) values (:sender), (:receiver);
select * from peer_booking.allocate_user_credits(:sender, 100, 'opening balance');

-- @session first_try
-- @call credits_transfer
select * from peer_booking.credits_transfer(:sender, :receiver, 30, :gift, 'gift', 'thank you');

-- @session second_try
-- @call credits_transfer
select * from peer_booking.credits_transfer(:sender, :receiver, 30, :gift, 'gift', 'thank you');
