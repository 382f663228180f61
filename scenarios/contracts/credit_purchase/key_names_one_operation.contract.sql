-- title:    A key that was used for one kind of operation is no key for another
-- property: replay
-- detects:  key_reused_for_other_arguments
--
-- The four functions share their keys. User and amount are the same in every call below, so the kind is all that
-- tells a repeat from a mistake: a purchase's key that "was processed" for a reservation would start work
-- that nobody has paid for.

-- @values owner uuid, bought uuid, reserved uuid, settled uuid, given_back uuid, paid text, other_paid text
-- @setup
insert into credit_purchase.user_profiles (id) values (:owner);

-- @call apply_credit_purchase
-- @expect ok apply_credit_purchase={"reason": "applied", "applied": true}
select * from credit_purchase.apply_credit_purchase(:owner, 10, :bought, :paid);
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.reserve_credits(:owner, 10, :bought);

-- @call reserve_credits
-- @expect ok reserve_credits={"reason": "applied", "applied": true}
select * from credit_purchase.reserve_credits(:owner, 10, :reserved);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.apply_credit_purchase(:owner, 10, :reserved, :other_paid);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.settle_credits(:owner, 10, :reserved, :reserved);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.refund_credits(:owner, 10, :reserved, :reserved);

-- @call settle_credits
-- @expect ok settle_credits={"reason": "applied", "applied": true}
select * from credit_purchase.settle_credits(:owner, 5, :settled, :reserved);
-- @call refund_credits
-- @expect refused refund_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.refund_credits(:owner, 5, :settled, :reserved);
-- @call reserve_credits
-- @expect refused reserve_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.reserve_credits(:owner, 5, :settled);

-- @call refund_credits
-- @expect ok refund_credits={"reason": "applied", "applied": true}
select * from credit_purchase.refund_credits(:owner, 5, :given_back, :reserved);
-- @call settle_credits
-- @expect refused settle_credits={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.settle_credits(:owner, 5, :given_back, :reserved);

-- @check Four operations were carried out, one of each kind
select
    profile.credit_balance = 5,
    (
        select count(*) = 4 and count(distinct operation.operation_type) = 4
        from credit_purchase.credit_operations as operation
        where operation.user_id = :owner
    )
from credit_purchase.user_profiles as profile
where profile.id = :owner;
