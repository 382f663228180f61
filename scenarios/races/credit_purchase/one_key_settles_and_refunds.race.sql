-- title:    One key is used for a settlement and for a refund of the same reservation at once
-- property: serial, deadlock, ledger
-- detects:  lock_upgraded, key_reused_for_other_arguments
-- expect:   exactly 1 ok
-- expect:   exactly 1 refused
--
-- A worker that draws its key once per job sends it with both calls. They meet at two rows, the reservation and the
-- key's operation. Each has to take them in the same order, or they wait for each other. The second must hear that the
-- key was used for something else.

-- @values owner uuid, paid_key uuid, held uuid, key uuid, paid text

-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);
set local role service_role;
select * from credit_purchase.apply_credit_purchase(:owner, 100, :paid_key, :paid);
select * from credit_purchase.reserve_credits(:owner, 100, :held);

-- @session settling
-- @call settle_credits
select * from credit_purchase.settle_credits(:owner, 60, :key, :held);

-- @session giving_back
-- @call refund_credits
select * from credit_purchase.refund_credits(:owner, 40, :key, :held);
