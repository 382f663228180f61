-- title:    A reservation is settled and given back at once
-- property: serial, ledger
-- detects:  check_then_act, refund_unbound, status_acted_on_twice
-- expect:   at most 1 ok in settle_credits
-- expect:   at most 1 ok in refund_credits
-- expect:   exactly 1 refused
--
-- A job reports that it is done in the moment in which its time runs out and a sweeper gives its credits back. Of 100
-- credits only one of the two can have 60. If each looks at what the other has not yet done, 120 come out of
-- 100.

-- @values owner uuid, paid_key uuid, held uuid, used uuid, back uuid, paid text

-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);
set local role service_role;
select * from credit_purchase.apply_credit_purchase(:owner, 100, :paid_key, :paid);
select * from credit_purchase.reserve_credits(:owner, 100, :held);

-- @session job
-- @call settle_credits
select * from credit_purchase.settle_credits(:owner, 60, :used, :held);

-- @session sweeper
-- @call refund_credits
select * from credit_purchase.refund_credits(:owner, 60, :back, :held);
