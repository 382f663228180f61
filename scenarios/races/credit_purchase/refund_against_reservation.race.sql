-- title:    One job gives credits back while another one of the same user reserves some
-- property: serial, ledger
-- detects:  read_modify_write, stale_balance_in_entry, lock_timeout_as_refusal
-- expect:   exactly 1 ok in refund_credits
-- expect:   exactly 1 ok in reserve_credits
--
-- There are credits enough with what comes back and without it, so nobody is refused. What was reserved must be gone
-- from the balance afterwards, and what was given back must be in it, whichever came first.

-- @values owner uuid, paid_key uuid, held uuid, back uuid, held_next uuid, paid text

-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);
set local role service_role;
select * from credit_purchase.apply_credit_purchase(:owner, 100, :paid_key, :paid);
select * from credit_purchase.reserve_credits(:owner, 60, :held);

-- @session ending_job
-- @call refund_credits
select * from credit_purchase.refund_credits(:owner, 30, :back, :held);

-- @session next_job
-- @call reserve_credits
select * from credit_purchase.reserve_credits(:owner, 40, :held_next);
