-- title:    A purchase with invalid arguments is refused, for the first reason in a fixed order
-- property: input
-- detects:  negative_amount, null_passes_check
--
-- Each call below lacks everything that comes later in the order, so each reason is the one that is
-- looked at first. No reason needs the key or the session, and the arguments are checked before
-- either is looked up.

-- @values buyer uuid, unknown uuid, key uuid, used_key uuid, paid text, used text
-- @setup
insert into credit_purchase.user_profiles (id) values (:buyer);

-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "missing_user_id", "applied": false}
select * from credit_purchase.apply_credit_purchase(null, null, null, null);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "invalid_amount", "applied": false}
select * from credit_purchase.apply_credit_purchase(:unknown, null, null, null);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "invalid_amount", "applied": false}
select * from credit_purchase.apply_credit_purchase(:unknown, 0, null, null);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "invalid_amount", "applied": false}
select * from credit_purchase.apply_credit_purchase(:unknown, -50, null, null);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "missing_idempotency_key", "applied": false}
select * from credit_purchase.apply_credit_purchase(:unknown, 50, null, null);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "missing_stripe_session_id", "applied": false}
select * from credit_purchase.apply_credit_purchase(:unknown, 50, :key, null);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "missing_stripe_session_id", "applied": false}
select * from credit_purchase.apply_credit_purchase(:unknown, 50, :key, '');
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "missing_stripe_session_id", "applied": false}
select * from credit_purchase.apply_credit_purchase(:unknown, 50, :key, e' \t\n');
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "user_profile_not_found", "applied": false}
select * from credit_purchase.apply_credit_purchase(:unknown, 50, :key, :paid);

-- @call apply_credit_purchase
-- @expect ok apply_credit_purchase={"reason": "applied", "applied": true}
select * from credit_purchase.apply_credit_purchase(:buyer, 50, :used_key, :used);

-- Arguments before the key, the key before the session, the session before the profile.
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "invalid_amount", "applied": false}
select * from credit_purchase.apply_credit_purchase(:buyer, -50, :used_key, :used);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "missing_stripe_session_id", "applied": false}
select * from credit_purchase.apply_credit_purchase(:buyer, 50, :used_key, ' ');
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.apply_credit_purchase(:unknown, 50, :used_key, :used);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "stripe_session_already_processed", "applied": false}
select * from credit_purchase.apply_credit_purchase(:unknown, 50, :key, :used);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "user_profile_not_found", "applied": false}
select * from credit_purchase.apply_credit_purchase(:unknown, 2147483647, :key, :paid);

-- @check Only the one purchase was written down
select
    profile.credit_balance = 50,
    (
        select count(*) = 1
        from credit_purchase.credit_operations as operation
        where operation.user_id in (:buyer, :unknown)
    )
from credit_purchase.user_profiles as profile
where profile.id = :buyer;
