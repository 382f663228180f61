-- title:    One refund is sent twice at once, under one key
-- property: serial, replay, ledger
-- detects:  check_before_lock, insert_where_not_exists, raw_unique_violation, not_idempotent
-- expect:   exactly 2 ok in refund_credits
--
-- The reservation holds enough for both, so only the key says that they are one. Given back twice, the
-- credits that another part of the job needs are gone from its reservation.

-- @values owner uuid, paid_key uuid, held uuid, back uuid, paid text

-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);
set local role service_role;
select * from credit_purchase.apply_credit_purchase(:owner, 100, :paid_key, :paid);
select * from credit_purchase.reserve_credits(:owner, 100, :held);

-- @session first_try
-- @call refund_credits
select * from credit_purchase.refund_credits(:owner, 40, :back, :held);

-- @session second_try
-- @call refund_credits
select * from credit_purchase.refund_credits(:owner, 40, :back, :held);
