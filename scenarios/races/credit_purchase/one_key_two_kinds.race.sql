-- title:    A purchase and a reservation arrive at once under one key
-- property: serial, replay
-- detects:  key_reused_for_other_arguments, check_before_lock
-- expect:   exactly 1 ok
-- expect:   exactly 1 refused
--
-- The four functions share their keys. Whoever comes second must hear that the key is taken: a reservation that is
-- told "processed" because of a purchase starts work that nobody has paid for.

-- @values owner uuid, paid_key uuid, key uuid, paid text, stripe_session text

-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);
set local role service_role;
select * from credit_purchase.apply_credit_purchase(:owner, 100, :paid_key, :paid);

-- @session buyer
-- @call apply_credit_purchase
select * from credit_purchase.apply_credit_purchase(:owner, 40, :key, :stripe_session);

-- @session worker
-- @call reserve_credits
select * from credit_purchase.reserve_credits(:owner, 40, :key);
