-- title:    Fifty jobs of one user reserve credits at the same instant, and there are enough for ten
-- property: serial, ledger
-- detects:  check_then_act, read_modify_write
-- callers:  50
-- expect:   exactly 10 ok in reserve_credits
-- expect:   the others refused
--
-- Each job wants 10 of 100 credits. Ten of them may run; the others are told that there are too few.

-- @values owner uuid, paid_key uuid, paid text
-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);
set local role service_role;
select * from credit_purchase.apply_credit_purchase(:owner, 100, :paid_key, :paid);

-- @caller held uuid

-- @call reserve_credits
select * from credit_purchase.reserve_credits(:owner, 10, :held);

-- @check All credits are reserved, and none twice
select
    profile.credit_balance = 0 as all_taken,
    (
        select sum(reservation.amount) = 100 from credit_purchase.credit_reservations as reservation
        where reservation.user_id = profile.id
    ) as all_reserved
from credit_purchase.user_profiles as profile
where profile.id = :owner;
