-- title:    A settlement arrives while its reservation is still being made
-- property: serial
-- detects:  check_then_act, check_before_lock
-- expect:   exactly 1 ok in reserve_credits
--
-- Messages overtake each other. A settlement that comes before its reservation is refused, one that comes after it
-- is applied. One that looks at first before it and then after it may give neither of these answers, nor a
-- reason that was never true.

-- @values owner uuid, paid_key uuid, held uuid, used uuid, paid text

-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);
set local role service_role;
select * from credit_purchase.apply_credit_purchase(:owner, 100, :paid_key, :paid);

-- @session start_of_job
-- @call reserve_credits
select * from credit_purchase.reserve_credits(:owner, 100, :held);

-- @session end_of_job
-- @call settle_credits
select * from credit_purchase.settle_credits(:owner, 60, :used, :held);
