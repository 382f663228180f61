-- title:    Credits are bought while others of the same user are reserved
-- property: serial, ledger
-- detects:  read_modify_write, lock_timeout_as_refusal, stale_balance_in_entry
-- expect:   exactly 1 ok in apply_credit_purchase
-- expect:   exactly 1 ok in reserve_credits
--
-- There are credits enough before the purchase and after it, so the reservation must go through. A balance that
-- changes while it is looked at is no balance that is too small, and neither movement may overwrite the
-- other.

-- @values owner uuid, paid_key uuid, key uuid, held uuid, paid text, stripe_session text

-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);
set local role service_role;
select * from credit_purchase.apply_credit_purchase(:owner, 100, :paid_key, :paid);

-- @session buyer
-- @call apply_credit_purchase
select * from credit_purchase.apply_credit_purchase(:owner, 50, :key, :stripe_session);

-- @session worker
-- @call reserve_credits
select * from credit_purchase.reserve_credits(:owner, 60, :held);
