-- title:    A change of a balance under a reference is made once, and the first one opens the account
-- property: replay, ledger
-- detects:  not_idempotent, key_reused_for_other_arguments, raw_unique_violation
--
-- The same reference again, with the same arguments, changes nothing and returns the same transaction. With
-- other arguments it is another request under a used key, and refused. Without a reference every call is a
-- request of its own, and a refusal uses no reference up.

-- @values client uuid, other uuid, unknown uuid, sale uuid, second_sale uuid
-- @setup
insert into peer_booking.users (id) values (:client), (:other);

-- @call update_credit_balance
-- @expect refused P0001 Reference is incomplete
select * from peer_booking.update_credit_balance(:unknown, 50, 'purchase', 'a pack', :sale);
-- @call update_credit_balance
-- @expect refused P0001 Reference is incomplete
select * from peer_booking.update_credit_balance(:unknown, 50, 'purchase', 'a pack', null, 'sale');
-- @call update_credit_balance
-- @expect refused P0001 Reference is incomplete
select * from peer_booking.update_credit_balance(:unknown, 50, 'purchase', 'a pack', :sale, '  ');
-- @call update_credit_balance
-- @expect refused P0001 User not found: *-*
select * from peer_booking.update_credit_balance(:unknown, 50, 'purchase', 'a pack', :sale, 'sale');
-- @call update_credit_balance
-- @expect refused P0001 User not found: <NULL>
select * from peer_booking.update_credit_balance(null, 50, 'purchase', 'a pack', :sale, 'sale');
-- @call update_credit_balance
-- @expect refused P0001 Insufficient credits. Current: 0, Required: 50
select * from peer_booking.update_credit_balance(:client, -50, 'spend', 'a course', :sale, 'sale');

-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:client, 50, 'purchase', 'a pack', :sale, 'sale');

-- @check The account was opened by this change, with one entry from zero that has all that was given
select
    account.balance = 50,
    count(*) = 1,
    bool_and(entry.amount = 50),
    bool_and(entry.balance_before = 0 and entry.balance_after = 50),
    bool_and(entry.transaction_type = 'purchase' and entry.description = 'a pack'),
    bool_and(entry.reference_id = :sale and entry.reference_type = 'sale')
from peer_booking.credits as account
inner join peer_booking.credit_transactions as entry on account.user_id = entry.user_id
where account.user_id = :client
group by account.balance;

-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:client, -5, 'spend', 'without a reference');
-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:client, -5, 'spend', 'without a reference', null, null);

-- @call update_credit_balance
-- @expect ok returns_the_first=true
select entry.amount = 50 and entry.balance_before = 0 as returns_the_first
from peer_booking.update_credit_balance(:client, 50, 'purchase', 'a pack', :sale, 'sale') as repeated (id)
left join peer_booking.credit_transactions as entry on repeated.id = entry.id;

-- @call update_credit_balance
-- @expect refused P0001 Reference was used with other arguments: sale *-*
select * from peer_booking.update_credit_balance(:client, 51, 'purchase', 'a pack', :sale, 'sale');
-- @call update_credit_balance
-- @expect refused P0001 Reference was used with other arguments: sale *-*
select * from peer_booking.update_credit_balance(:client, 50, 'bonus', 'a pack', :sale, 'sale');
-- @call update_credit_balance
-- @expect refused P0001 Reference was used with other arguments: sale *-*
select * from peer_booking.update_credit_balance(:client, 50, 'purchase', null, :sale, 'sale');
-- @call update_credit_balance
-- @expect refused P0001 Reference was used with other arguments: sale *-*
select * from peer_booking.update_credit_balance(:other, 50, 'purchase', 'a pack', :sale, 'sale');

-- The arguments are looked at before the reference is.
-- @call update_credit_balance
-- @expect refused P0001 Invalid credit amount: 0
select * from peer_booking.update_credit_balance(:client, 0, 'purchase', 'a pack', :sale, 'sale');
-- @call update_credit_balance
-- @expect refused P0001 User not found: *-*
select * from peer_booking.update_credit_balance(:unknown, 50, 'purchase', 'a pack', :sale, 'sale');

-- A reference is an id of a type: neither alone is the key, and a repeat finds its own.
-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:client, -40, 'adjustment', 'a pack', :sale, 'chargeback');
-- @call update_credit_balance
-- @expect ok
select * from peer_booking.update_credit_balance(:client, 7, 'purchase', 'a small pack', :second_sale, 'sale');
-- @call update_credit_balance
-- @expect ok returns_the_first=true
select entry.amount = 50 and entry.balance_before = 0 as returns_the_first
from peer_booking.update_credit_balance(:client, 50, 'purchase', 'a pack', :sale, 'sale') as repeated (id)
left join peer_booking.credit_transactions as entry on repeated.id = entry.id;

-- @check Repeats and conflicts changed nothing, for nobody
select
    account.balance = 7,
    (
        select count(*) = 5
        from peer_booking.credit_transactions as entry
        where entry.user_id = :client
    ),
    not exists (
        select 1 from peer_booking.credits as other_account where other_account.user_id = :other
    )
from peer_booking.credits as account
where account.user_id = :client;
