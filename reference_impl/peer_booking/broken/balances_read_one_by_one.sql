-- title:     Reconciliation reads each balance by a function that looks for itself
-- class:     check_then_act
-- operation: reconcile_credits
-- hurts:     whoever is called at night for a drift that never was
-- caught-by: race reconciliation_during_a_transfer
-- changes:   functions/reconcile_credits.sql
--
-- The function is volatile, so each call sees what is committed by then, while the entries are those of the
-- statement's start.

-- @instead of
-- What the books say that can't all be true; no row when they agree. One statement, so one moment.
-- @write
create function peer_booking.balance_of(p_user_id uuid)
returns integer
language plpgsql
set search_path = ''
as $$
begin
    return (select account.balance from peer_booking.credits as account where account.user_id = p_user_id);
end;
$$;

-- @instead of
            account.balance as actual
-- @write
            peer_booking.balance_of(account.user_id) as actual

-- @instead of
        where account.balance <> coalesce(total.amount, 0)
-- @write
        where peer_booking.balance_of(account.user_id) <> coalesce(total.amount, 0)
