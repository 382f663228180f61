-- title:    Two parts of a job give credits of one reservation back at once, and it holds enough for one
-- property: serial, ledger
-- detects:  check_then_act, refund_unbound, status_acted_on_twice
-- expect:   exactly 1 ok in refund_credits
-- expect:   exactly 1 refused in refund_credits
--
-- The parts have keys of their own, so both are meant. Of 100 credits each wants 60 back. If both look before
-- either has been given any, the user has 20 credits more than were ever paid.

-- @values owner uuid, paid_key uuid, held uuid, back_a uuid, back_b uuid, paid text

-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);
set local role service_role;
select * from credit_purchase.apply_credit_purchase(:owner, 100, :paid_key, :paid);
select * from credit_purchase.reserve_credits(:owner, 100, :held);

-- @session part_a
-- @call refund_credits
select * from credit_purchase.refund_credits(:owner, 60, :back_a, :held);

-- @session part_b
-- @call refund_credits
select * from credit_purchase.refund_credits(:owner, 60, :back_b, :held);
