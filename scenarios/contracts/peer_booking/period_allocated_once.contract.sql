-- title:    A subscription's period is allocated once, however often and in whatever order webhooks tell of it
-- property: replay, ledger
-- detects:  not_idempotent, key_reused_for_other_arguments, effect_before_claim
--
-- The subscription and the start of Stripe's period are the key. checkout.session.completed and
-- invoice.payment_succeeded both bring them; the second returns the first one's id and adds nothing. A
-- period that was missed can be allocated after a later one.

-- @values client uuid, other uuid, unknown uuid, subscription uuid, second_subscription uuid
-- @setup
insert into peer_booking.users (id) values (:client), (:other);
insert into peer_booking.subscriptions (id, user_id) values (:subscription, :client), (:second_subscription, :client);

-- @call allocate_monthly_credits
-- @expect refused P0001 Unknown allocation type: <NULL>
select * from peer_booking.allocate_monthly_credits(:unknown, :unknown, 100, null, null, null);
-- @call allocate_monthly_credits
-- @expect refused P0001 Unknown allocation type: event
select * from peer_booking.allocate_monthly_credits(:unknown, :unknown, 100, 'event', null, null);
-- @call allocate_monthly_credits
-- @expect refused P0001 Invalid period
select * from peer_booking.allocate_monthly_credits(:unknown, :unknown, 100, 'monthly', null, '2025-02-01 00:00+00');
-- @call allocate_monthly_credits
-- @expect refused P0001 Invalid period
select * from peer_booking.allocate_monthly_credits(:unknown, :unknown, 100, 'monthly', '2025-01-01 00:00+00', null);
-- @call allocate_monthly_credits
-- @expect refused P0001 Invalid period
select * from peer_booking.allocate_monthly_credits(
    :unknown, :unknown, 100, 'monthly', '2025-01-01 00:00+00', '2025-01-01 00:00+00'
);
-- @call allocate_monthly_credits
-- @expect refused P0001 Invalid period
select * from peer_booking.allocate_monthly_credits(
    :unknown, :unknown, 100, 'monthly', '-infinity', '2025-01-01 00:00+00'
);
-- @call allocate_monthly_credits
-- @expect refused P0001 Invalid period
select * from peer_booking.allocate_monthly_credits(
    :unknown, :unknown, 100, 'monthly', '2025-01-01 00:00+00', 'infinity'
);
-- @call allocate_monthly_credits
-- @expect refused P0001 User not found: *-*
select * from peer_booking.allocate_monthly_credits(
    :unknown, :unknown, 100, 'monthly', '2025-01-01 00:00+00', '2025-02-01 00:00+00'
);
-- @call allocate_monthly_credits
-- @expect refused P0001 User not found: <NULL>
select * from peer_booking.allocate_monthly_credits(
    null, :subscription, 100, 'monthly', '2025-01-01 00:00+00', '2025-02-01 00:00+00'
);
-- @call allocate_monthly_credits
-- @expect refused P0001 Subscription not found: *-*
select * from peer_booking.allocate_monthly_credits(
    :client, :unknown, 100, 'monthly', '2025-01-01 00:00+00', '2025-02-01 00:00+00'
);
-- @call allocate_monthly_credits
-- @expect refused P0001 Subscription not found: <NULL>
select * from peer_booking.allocate_monthly_credits(
    :client, null, 100, 'monthly', '2025-01-01 00:00+00', '2025-02-01 00:00+00'
);
-- @call allocate_monthly_credits
-- @expect refused P0001 Subscription belongs to another user: *-*
select * from peer_booking.allocate_monthly_credits(
    :other, :subscription, 100, 'monthly', '2025-01-01 00:00+00', '2025-02-01 00:00+00'
);

-- @call allocate_monthly_credits
-- @expect ok
select * from peer_booking.allocate_monthly_credits(
    :client, :subscription, 100, 'monthly', '2025-02-01 00:00+00', '2025-03-01 00:00+00'
);
-- @call allocate_monthly_credits
-- @expect ok returns_the_first=true
select entry.amount = 100 and entry.balance_before = 0 as returns_the_first
from peer_booking.allocate_monthly_credits(
    :client, :subscription, 100, 'monthly', '2025-02-01 01:00+01', '2025-03-01 01:00+01'
) as repeated (id)
left join peer_booking.credit_transactions as entry on repeated.id = entry.allocation_id;

-- @check The account has the period's credits once, as an earning
select
    account.balance = 100,
    count(*) = 1,
    bool_and(entry.transaction_type = 'session_earning' and entry.reference_id = :subscription)
from peer_booking.credits as account
inner join peer_booking.credit_transactions as entry on account.user_id = entry.user_id
where account.user_id = :client
group by account.balance;

-- @call allocate_monthly_credits
-- @expect refused P0001 Period was allocated with other arguments: *-*
select * from peer_booking.allocate_monthly_credits(
    :client, :subscription, 101, 'monthly', '2025-02-01 00:00+00', '2025-03-01 00:00+00'
);
-- @call allocate_monthly_credits
-- @expect refused P0001 Period was allocated with other arguments: *-*
select * from peer_booking.allocate_monthly_credits(
    :client, :subscription, 100, 'yearly', '2025-02-01 00:00+00', '2025-03-01 00:00+00'
);
-- @call allocate_monthly_credits
-- @expect refused P0001 Period was allocated with other arguments: *-*
select * from peer_booking.allocate_monthly_credits(
    :client, :subscription, 100, 'monthly', '2025-02-01 00:00+00', '2026-02-01 00:00+00'
);
-- @call allocate_monthly_credits
-- @expect refused P0001 Subscription belongs to another user: *-*
select * from peer_booking.allocate_monthly_credits(
    :other, :subscription, 100, 'monthly', '2025-02-01 00:00+00', '2025-03-01 00:00+00'
);

-- Another period, an earlier one, and another subscription's.
-- @call allocate_monthly_credits
-- @expect ok
select * from peer_booking.allocate_monthly_credits(
    :client, :subscription, 100, 'monthly', '2025-03-01 00:00+00', '2025-04-01 00:00+00'
);
-- @call allocate_monthly_credits
-- @expect ok
select * from peer_booking.allocate_monthly_credits(
    :client, :subscription, 100, 'monthly', '2025-01-01 00:00+00', '2025-02-01 00:00+00'
);
-- @call allocate_monthly_credits
-- @expect ok
select * from peer_booking.allocate_monthly_credits(
    :client, :second_subscription, 1000, 'yearly', '2025-02-01 00:00+00', '2026-02-01 00:00+00'
);

-- The first period told of again, with others around it: the same subscription's, and another's of that month.
-- @call allocate_monthly_credits
-- @expect ok returns_the_first=true
select entry.amount = 100 and entry.balance_before = 0 as returns_the_first
from peer_booking.allocate_monthly_credits(
    :client, :subscription, 100, 'monthly', '2025-02-01 00:00+00', '2025-03-01 00:00+00'
) as repeated (id)
left join peer_booking.credit_transactions as entry on repeated.id = entry.allocation_id;

-- @check Four periods were allocated, each once
select
    account.balance = 1300,
    (
        select count(*) = 4
        from peer_booking.credit_allocations as allocation
        where allocation.user_id = :client
    ),
    not exists (
        select 1 from peer_booking.credits as other_account where other_account.user_id = :other
    )
from peer_booking.credits as account
where account.user_id = :client;
