-- title:    A payment is credited once, and a repeat, a reused key and a second key each get their own reason
-- property: replay, ledger
-- detects:  not_idempotent, key_reused_for_other_arguments, raw_unique_violation
--
-- The same request again is a replay, and nothing happens. The same key with anything else is a conflict.
-- Another key for a session that was credited is a duplicate, whoever is named in it. The key is looked at
-- before the session, so what a call hears doesn't depend on what else is known.

-- @values buyer uuid, other uuid, key uuid, second_key uuid, third_key uuid, paid text, paid_again text
-- @setup
insert into credit_purchase.user_profiles (id) values (:buyer), (:other);

-- @call apply_credit_purchase
-- @expect ok apply_credit_purchase={"reason": "applied", "applied": true}
select * from credit_purchase.apply_credit_purchase(:buyer, 100, :key, :paid);
-- @call apply_credit_purchase
-- @expect ok apply_credit_purchase={"reason": "idempotency_key_already_processed", "applied": false}
select * from credit_purchase.apply_credit_purchase(:buyer, 100, :key, :paid);

-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.apply_credit_purchase(:buyer, 101, :key, :paid);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.apply_credit_purchase(:other, 100, :key, :paid);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.apply_credit_purchase(:buyer, 100, :key, :paid_again);

-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "stripe_session_already_processed", "applied": false}
select * from credit_purchase.apply_credit_purchase(:buyer, 100, :second_key, :paid);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "stripe_session_already_processed", "applied": false}
select * from credit_purchase.apply_credit_purchase(:other, 5000, :second_key, :paid);

-- @check Each payment has one operation and one entry, and the buyer has its credits
select
    profile.credit_balance = 100,
    count(*) = 1,
    bool_and(operation.idempotency_key = :key and operation.stripe_session_id = :paid),
    bool_and(entry.kind = 'purchase' and entry.amount = 100 and entry.reference = :paid),
    bool_and(entry.balance_before = 0 and entry.balance_after = 100)
from credit_purchase.user_profiles as profile
inner join credit_purchase.credit_operations as operation on profile.id = operation.user_id
inner join credit_purchase.credit_entries as entry on operation.idempotency_key = entry.request_key
where profile.id = :buyer
group by profile.credit_balance;

-- A duplicate has used no key up, nor a conflict its session.
-- @call apply_credit_purchase
-- @expect ok apply_credit_purchase={"reason": "applied", "applied": true}
select * from credit_purchase.apply_credit_purchase(:other, 100, :second_key, :paid_again);

-- Both the key and the session are known, from two payments: the key decides.
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "idempotency_key_conflict", "applied": false}
select * from credit_purchase.apply_credit_purchase(:buyer, 100, :key, :paid_again);
-- @call apply_credit_purchase
-- @expect refused apply_credit_purchase={"reason": "stripe_session_already_processed", "applied": false}
select * from credit_purchase.apply_credit_purchase(:buyer, 100, :third_key, :paid_again);

-- The first call still gets its answer when the account has moved on.
-- @call apply_credit_purchase
-- @expect ok apply_credit_purchase={"reason": "idempotency_key_already_processed", "applied": false}
select * from credit_purchase.apply_credit_purchase(:buyer, 100, :key, :paid);

-- @check Both users have what was paid, once
select
    count(*) = 2,
    bool_and(profile.credit_balance = 100)
from credit_purchase.user_profiles as profile
where profile.id in (:buyer, :other);
