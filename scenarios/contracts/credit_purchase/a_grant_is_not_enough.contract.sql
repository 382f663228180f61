-- title:    Whoever isn't the backend is refused, even with the right to call
-- property: access
-- detects:  executable_by_anyone
--
-- A second line behind the grants. One careless "grant execute on all functions" would let every user give
-- themselves credits; here it lets them hear that they are not authorized, before anything else is
-- looked at. A superuser, whom no grant stops, hears it too.

-- @values user_id uuid, key uuid, held uuid, paid text, spare_key uuid, spare_paid text
-- @setup
insert into credit_purchase.user_profiles (id) values (:user_id);

-- @call apply_credit_purchase
-- @expect ok
select * from credit_purchase.apply_credit_purchase(:user_id, 100, :key, :paid);
-- @call reserve_credits
-- @expect ok
select * from credit_purchase.reserve_credits(:user_id, 60, :held);

-- @as superuser
-- @expect ok
grant execute on all functions in schema credit_purchase to authenticated;

-- @as authenticated
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "unauthorized", "applied": false}
select * from credit_purchase.apply_credit_purchase(:user_id, 100, :spare_key, :spare_paid);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "unauthorized", "applied": false}
select * from credit_purchase.apply_credit_purchase(:user_id, 100, :key, :paid);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "unauthorized", "applied": false}
select * from credit_purchase.apply_credit_purchase(null, null, null, null);
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "unauthorized", "applied": false}
select * from credit_purchase.reserve_credits(:user_id, 10, :spare_key);
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "unauthorized", "applied": false}
select * from credit_purchase.reserve_credits(null, null, null);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "unauthorized", "applied": false}
select * from credit_purchase.settle_credits(:user_id, 10, :spare_key, :held);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "unauthorized", "applied": false}
select * from credit_purchase.settle_credits(null, null, null, null);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "unauthorized", "applied": false}
select * from credit_purchase.refund_credits(:user_id, 10, :spare_key, :held);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "unauthorized", "applied": false}
select * from credit_purchase.refund_credits(null, null, null, null);

-- @as superuser
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "unauthorized", "applied": false}
select * from credit_purchase.apply_credit_purchase(:user_id, 100, :spare_key, :spare_paid);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "unauthorized", "applied": false}
select * from credit_purchase.refund_credits(:user_id, 10, :spare_key, :held);
-- @expect ok
revoke execute on all functions in schema credit_purchase from authenticated;

-- @check Nothing has moved
select
    profile.credit_balance = 40,
    reservation.settled = 0 and reservation.returned = 0,
    (
        select count(*) = 2
        from credit_purchase.credit_operations as operation
        where operation.user_id = :user_id
    )
from credit_purchase.user_profiles as profile
inner join credit_purchase.credit_reservations as reservation on profile.id = reservation.user_id
where profile.id = :user_id;
