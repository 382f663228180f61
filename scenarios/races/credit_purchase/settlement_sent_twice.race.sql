-- title:    One settlement is sent twice at once, under one key
-- property: serial, replay
-- detects:  check_before_lock, insert_where_not_exists, raw_unique_violation, not_idempotent
-- expect:   exactly 2 ok in settle_credits
--
-- The reservation holds enough for both, so only the key says that they are one. Settled twice, the user pays
-- double for one job and gets less back.

-- @values owner uuid, paid_key uuid, held uuid, used uuid, paid text

-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);
set local role service_role;
select * from credit_purchase.apply_credit_purchase(:owner, 100, :paid_key, :paid);
select * from credit_purchase.reserve_credits(:owner, 100, :held);

-- @session first_try
-- @call settle_credits
select * from credit_purchase.settle_credits(:owner, 40, :used, :held);

-- @session second_try
-- @call settle_credits
select * from credit_purchase.settle_credits(:owner, 40, :used, :held);
