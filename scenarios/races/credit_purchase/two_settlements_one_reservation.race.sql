-- title:    Two parts of a job settle one reservation at once, and it holds enough for one
-- property: serial
-- detects:  check_then_act, check_before_lock, read_modify_write
-- expect:   exactly 1 ok in settle_credits
-- expect:   exactly 1 refused in settle_credits
--
-- The parts have keys of their own, so both are meant. Of 100 credits each wants 60. If both look before either
-- has settled, 120 are settled of 100, and 20 of them were never paid.

-- @values owner uuid, paid_key uuid, held uuid, used_a uuid, used_b uuid, paid text

-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);
set local role service_role;
select * from credit_purchase.apply_credit_purchase(:owner, 100, :paid_key, :paid);
select * from credit_purchase.reserve_credits(:owner, 100, :held);

-- @session part_a
-- @call settle_credits
select * from credit_purchase.settle_credits(:owner, 60, :used_a, :held);

-- @session part_b
-- @call settle_credits
select * from credit_purchase.settle_credits(:owner, 60, :used_b, :held);
