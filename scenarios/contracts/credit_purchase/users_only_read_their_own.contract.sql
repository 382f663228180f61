-- title:    A user reads their own balance, operations, reservations and entries, and writes none of them
-- property: access
-- detects:  owner_writes_balance
--
-- The user is the one that the verified token names. Whoever may update the row that holds their own balance
-- has as many credits as they like.

-- @values owner uuid, other uuid, key uuid, others_key uuid, held uuid, others_held uuid, paid text, others_paid text
-- @setup
insert into credit_purchase.user_profiles (id) values (:owner), (:other);

-- @call apply_credit_purchase
-- @expect ok
select * from credit_purchase.apply_credit_purchase(:owner, 100, :key, :paid);
-- @call apply_credit_purchase
-- @expect ok
select * from credit_purchase.apply_credit_purchase(:other, 200, :others_key, :others_paid);
-- @call reserve_credits
-- @expect ok
select * from credit_purchase.reserve_credits(:owner, 30, :held);
-- @call reserve_credits
-- @expect ok
select * from credit_purchase.reserve_credits(:other, 30, :others_held);

-- @as authenticated
-- A token without a user sees nothing.
-- @expect ok
select set_config('request.jwt.claims', '', false);
-- @expect ok profiles=0, operations=0, reservations=0, entries=0
select
    (select count(*) from credit_purchase.user_profiles) as profiles,
    (select count(*) from credit_purchase.credit_operations) as operations,
    (select count(*) from credit_purchase.credit_reservations) as reservations,
    (select count(*) from credit_purchase.credit_entries) as entries;

-- @expect ok
select set_config('request.jwt.claims', jsonb_build_object('sub', :owner)::text, false);
-- @expect ok profiles=1, balance=70, own=true
select
    count(*) as profiles,
    sum(profile.credit_balance) as balance,
    bool_and(profile.id = :owner) as own
from credit_purchase.user_profiles as profile;
-- @expect ok operations=2, own=true
select
    count(*) as operations,
    bool_and(operation.user_id = :owner) as own
from credit_purchase.credit_operations as operation;
-- @expect ok reservations=1, own=true
select
    count(*) as reservations,
    bool_and(reservation.reservation_key = :held) as own
from credit_purchase.credit_reservations as reservation;
-- @expect ok entries=2, amount=70
select
    count(*) as entries,
    sum(entry.amount) as amount
from credit_purchase.credit_entries as entry;

-- @expect error 42501 permission denied for table user_profiles
update credit_purchase.user_profiles set credit_balance = 1000000 where id = :owner;
-- @expect error 42501 permission denied for table user_profiles
insert into credit_purchase.user_profiles (credit_balance) values (1000000);
-- @expect error 42501 permission denied for table user_profiles
delete from credit_purchase.user_profiles where id = :owner;
-- @expect error 42501 permission denied for table credit_operations
delete from credit_purchase.credit_operations where user_id = :owner;
-- @expect error 42501 permission denied for table credit_reservations
update credit_purchase.credit_reservations set amount = 1000000 where user_id = :owner;
-- @expect error 42501 permission denied for table credit_entries
insert into credit_purchase.credit_entries (
    user_id, amount, balance_before, balance_after, kind, reference, request_key
)
values (:owner, 100, 70, 170, 'purchase', :paid, :key);
-- @expect ok
select set_config('request.jwt.claims', '', false);

-- @as anon
-- @expect error 42501 permission denied for schema credit_purchase
select count(*) from credit_purchase.user_profiles;

-- @check Both balances are as they were
select
    count(*) = 2,
    bool_and(profile.credit_balance = case profile.id when :owner then 70 else 170 end)
from credit_purchase.user_profiles as profile
where profile.id in (:owner, :other);
