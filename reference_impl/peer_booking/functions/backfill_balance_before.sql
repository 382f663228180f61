-- Take a user's old transactions over into the ledger, each with the balance before it, and return how many
-- of them the ledger has. Part of the migration: old rows have an amount and a balance after, no more.
--
-- balance_after - amount always gives a number, and hides a row that is missing. So each row has to start
-- where the one before it ended, the first from zero, or nothing of the user is taken over and somebody has
-- to look. Calling it again changes nothing.

create or replace function peer_booking.backfill_balance_before(p_user_id uuid)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_waiting integer;
    v_taken_over integer;
    v_broken_id uuid;
    v_old peer_booking.old_transactions;
begin
    perform peer_booking.check_users(array[p_user_id]);
    perform peer_booking.lock_accounts(array[p_user_id]);

    select count(*) filter (where entry.entry_no is null), count(entry.entry_no)
    into v_waiting, v_taken_over
    from peer_booking.old_transactions as old_transaction
    left join peer_booking.credit_transactions as entry on old_transaction.id = entry.old_transaction_id
    where old_transaction.user_id = p_user_id;

    if v_waiting = 0 then
        return v_taken_over;
    elsif exists (
        select 1 from peer_booking.credit_transactions as entry where entry.user_id = p_user_id
    ) then
        raise exception 'Account has newer transactions: %', p_user_id;
    end if;

    select chained.id
    into v_broken_id
    from (
        select
            old_transaction.id,
            old_transaction.created_at,
            old_transaction.amount,
            old_transaction.balance_after,
            lag(old_transaction.balance_after, 1, 0)
                over (order by old_transaction.created_at, old_transaction.id)
            as balance_before
        from peer_booking.old_transactions as old_transaction
        where old_transaction.user_id = p_user_id
    ) as chained
    where chained.balance_before::bigint + chained.amount <> chained.balance_after
    order by chained.created_at, chained.id
    limit 1;
    if found then
        raise exception 'Old transactions do not follow each other: %', v_broken_id;
    end if;

    for v_old in
        select old_transaction.*
        from peer_booking.old_transactions as old_transaction
        where old_transaction.user_id = p_user_id
        order by old_transaction.created_at, old_transaction.id
    loop
        perform peer_booking.post_credit_entry(
            p_user_id, v_old.amount, v_old.transaction_type, v_old.description,
            v_old.reference_id, v_old.reference_type,
            p_old_transaction_id => v_old.id, p_created_at => v_old.created_at
        );
    end loop;
    return v_waiting;
end;
$$;

alter function peer_booking.backfill_balance_before(uuid) owner to peer_booking_owner;
revoke all on function peer_booking.backfill_balance_before(uuid)
from public, anon, authenticated, service_role;
grant execute on function peer_booking.backfill_balance_before(uuid) to service_role;
