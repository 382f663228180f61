-- title:    One reservation is sent twice at once, under one key
-- property: serial, replay, ledger
-- detects:  check_before_lock, insert_where_not_exists, raw_unique_violation, not_idempotent
-- expect:   exactly 2 ok in reserve_credits
--
-- A worker that got no answer in time sends its reservation again. It is one job, so credits are taken once, and
-- the second call must learn that its key was processed.

-- @values owner uuid, paid_key uuid, held uuid, paid text

-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);
set local role service_role;
select * from credit_purchase.apply_credit_purchase(:owner, 100, :paid_key, :paid);

-- @session first_try
-- @call reserve_credits
select * from credit_purchase.reserve_credits(:owner, 40, :held);

-- @session second_try
-- @call reserve_credits
select * from credit_purchase.reserve_credits(:owner, 40, :held);
