-- What the books say that can't all be true; no row when they agree. One statement, so one moment.
--
-- balance_differs: an account's entries don't sum to its balance. entry_without_account: an entry's user has
-- no account. chain_broken: an entry doesn't start where the account's previous one ended, the first at zero.
-- Constraints keep most of this from happening; they can be dropped, and restored backups have gaps.

create or replace function peer_booking.reconcile_credits()
returns table (problem text, user_id uuid, entry_no bigint, expected bigint, actual bigint)
language sql
stable
security definer
set search_path = ''
as $$
    with chained as (
        select
            entry.user_id,
            entry.entry_no,
            entry.amount,
            entry.balance_before,
            lag(entry.balance_after, 1, 0) over (partition by entry.user_id order by entry.entry_no) as balance_due
        from peer_booking.credit_transactions as entry
    ),

    total as (
        select
            chained.user_id,
            sum(chained.amount) as amount
        from chained
        group by chained.user_id
    ),

    found as (
        select
            'balance_differs' as problem,
            account.user_id,
            null::bigint as entry_no,
            coalesce(total.amount, 0) as expected,
            account.balance as actual
        from peer_booking.credits as account
        left join total on account.user_id = total.user_id
        where account.balance <> coalesce(total.amount, 0)
        union all
        select
            'entry_without_account' as problem,
            chained.user_id,
            chained.entry_no,
            null as expected,
            chained.amount as actual
        from chained
        left join peer_booking.credits as account on chained.user_id = account.user_id
        where account.user_id is null
        union all
        select
            'chain_broken' as problem,
            chained.user_id,
            chained.entry_no,
            chained.balance_due as expected,
            chained.balance_before as actual
        from chained
        where chained.balance_before <> chained.balance_due
    )

    select
        found.problem,
        found.user_id,
        found.entry_no,
        found.expected::bigint,
        found.actual::bigint
    from found
    order by found.user_id, found.entry_no nulls first, found.problem;
$$;

alter function peer_booking.reconcile_credits() owner to peer_booking_owner;
revoke all on function peer_booking.reconcile_credits()
from public, anon, authenticated, service_role;
grant execute on function peer_booking.reconcile_credits() to service_role;
