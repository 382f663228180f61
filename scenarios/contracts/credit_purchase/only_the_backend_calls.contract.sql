-- title:    Only the backend calls the functions, and it writes through nothing else
-- property: access
-- detects:  executable_by_anyone, app_read_modify_write
--
-- The functions run with their owner's rights, so whoever may execute one may do what it does. A new
-- function can be executed by everybody until that is revoked. The backend's own role reads the tables
-- and changes them through the functions alone.

-- @values user_id uuid, key uuid, held uuid, paid text
-- @setup
insert into credit_purchase.user_profiles (id) values (:user_id);

-- @as anon
-- @call apply_credit_purchase
-- @expect error 42501 permission denied for schema credit_purchase
select * from credit_purchase.apply_credit_purchase(:user_id, 100, :key, :paid);
-- @call reserve_credits
-- @expect error 42501 permission denied for schema credit_purchase
select * from credit_purchase.reserve_credits(:user_id, 100, :key);
-- @call settle_credits
-- @expect error 42501 permission denied for schema credit_purchase
select * from credit_purchase.settle_credits(:user_id, 100, :key, :held);
-- @call refund_credits
-- @expect error 42501 permission denied for schema credit_purchase
select * from credit_purchase.refund_credits(:user_id, 100, :key, :held);

-- @as authenticated
-- @call apply_credit_purchase
-- @expect error 42501 permission denied for function apply_credit_purchase
select * from credit_purchase.apply_credit_purchase(:user_id, 100, :key, :paid);
-- @call reserve_credits
-- @expect error 42501 permission denied for function reserve_credits
select * from credit_purchase.reserve_credits(:user_id, 100, :key);
-- @call settle_credits
-- @expect error 42501 permission denied for function settle_credits
select * from credit_purchase.settle_credits(:user_id, 100, :key, :held);
-- @call refund_credits
-- @expect error 42501 permission denied for function refund_credits
select * from credit_purchase.refund_credits(:user_id, 100, :key, :held);
-- @expect error 42501 permission denied for function post_credit_entry
select credit_purchase.post_credit_entry(null::credit_purchase.credit_operations);

-- @as service_role
-- @expect error 42501 permission denied for function post_credit_entry
select credit_purchase.post_credit_entry(null::credit_purchase.credit_operations);
-- @expect error 42501 permission denied for function draw_on_reservation
select credit_purchase.draw_on_reservation(null::credit_purchase.credit_operations);
-- @expect error 42501 permission denied for function reason_not_recorded
select credit_purchase.reason_not_recorded(:user_id, 'reserve', 100, :key);
-- @expect error 42501 permission denied for function caller_is_backend
select credit_purchase.caller_is_backend();
-- @expect error 42501 permission denied for table user_profiles
insert into credit_purchase.user_profiles (id, credit_balance) values (:key, 100);
-- @expect error 42501 permission denied for table user_profiles
update credit_purchase.user_profiles set credit_balance = 100 where id = :user_id;
-- @expect error 42501 permission denied for table credit_operations
insert into credit_purchase.credit_operations (idempotency_key, user_id, operation_type, amount)
values (:key, :user_id, 'reserve', 100);
-- @expect error 42501 permission denied for table credit_reservations
insert into credit_purchase.credit_reservations (reservation_key, user_id, amount) values (:key, :user_id, 100);
-- @expect error 42501 permission denied for table credit_reservations
update credit_purchase.credit_reservations set settled = 0 where user_id = :user_id;
-- @expect error 42501 permission denied for table credit_entries
insert into credit_purchase.credit_entries (
    user_id, amount, balance_before, balance_after, kind, reference, request_key
)
values (:user_id, 100, 0, 100, 'purchase', :paid, :key);

-- @check Nothing of this changed anything
select
    profile.credit_balance = 0,
    not exists (
        select 1 from credit_purchase.credit_operations as operation where operation.user_id = :user_id
    )
from credit_purchase.user_profiles as profile
where profile.id = :user_id;

-- It may read what it wrote.
-- @as service_role
-- @call apply_credit_purchase
-- @expect ok apply_credit_purchase={"reason": "applied", "applied": true}
select * from credit_purchase.apply_credit_purchase(:user_id, 100, :key, :paid);
-- @expect ok operations=1, entries=1
select
    (
        select count(*) from credit_purchase.credit_operations as operation where operation.user_id = :user_id
    ) as operations,
    (select count(*) from credit_purchase.credit_entries as entry where entry.user_id = :user_id) as entries;
