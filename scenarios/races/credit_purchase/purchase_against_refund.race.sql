-- title:    Credits are bought while reserved ones of the same user are given back
-- property: serial, ledger
-- detects:  read_modify_write, stale_balance_in_entry
-- expect:   exactly 1 ok in apply_credit_purchase
-- expect:   exactly 1 ok in refund_credits
--
-- Both only add, so nobody is refused and a lost movement is hardly noticed: the user has paid, or waits for
-- credits to come back, and the balance is a little too small. Both must arrive.

-- @values owner uuid, paid_key uuid, held uuid, key uuid, back uuid, paid text, stripe_session text

-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);
set local role service_role;
select * from credit_purchase.apply_credit_purchase(:owner, 100, :paid_key, :paid);
select * from credit_purchase.reserve_credits(:owner, 60, :held);

-- @session buyer
-- @call apply_credit_purchase
select * from credit_purchase.apply_credit_purchase(:owner, 50, :key, :stripe_session);

-- @session worker
-- @call refund_credits
select * from credit_purchase.refund_credits(:owner, 20, :back, :held);
