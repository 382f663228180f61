-- title:    Two jobs of one user reserve credits at once, and there are enough for one
-- property: serial, ledger
-- detects:  check_then_act, check_before_lock, lock_split_across_calls
-- expect:   exactly 1 ok in reserve_credits
-- expect:   exactly 1 refused in reserve_credits
--
-- There are 40 credits and each job wants them all. If both look before either has taken any, both find enough: two
-- jobs run on the credits of one. The second must hear that there are too few, and not fail at the
-- constraint that would stop it otherwise.

-- @values owner uuid, paid_key uuid, held_a uuid, held_b uuid, paid text

-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);
set local role service_role;
select * from credit_purchase.apply_credit_purchase(:owner, 40, :paid_key, :paid);

-- @session job_a
-- @call reserve_credits
select * from credit_purchase.reserve_credits(:owner, 40, :held_a);

-- @session job_b
-- @call reserve_credits
select * from credit_purchase.reserve_credits(:owner, 40, :held_b);
