-- Move an amount: change the balance of one wallet and write the entry that says so. The only place where either is
-- written. Under an idempotency key that was used before, say what was done then.

create or replace function stripe_idempotency.post_wallet_transaction(
    p_user_id uuid,
    p_amount integer,
    p_kind text,
    p_reference text,
    p_idempotency_key text default null,
    p_stripe_event_id text default null,
    out transaction_id uuid,
    out new_balance integer,
    out already_applied boolean
)
language plpgsql
set search_path = ''
as $$
declare
    v_before integer;
    v_after bigint;
    v_first stripe_idempotency.wallet_transactions;
begin
    -- First use. Of two sessions one inserts, the other waits for it here and then finds the row.
    insert into stripe_idempotency.wallets (user_id)
    values (p_user_id)
    on conflict (user_id) do nothing;

    -- This row lock puts the movements of one wallet in a line. A balance read before it may be another movement's
    -- past, and writing from it would lose that movement.
    select wallet.balance
    into strict v_before
    from stripe_idempotency.wallets as wallet
    where wallet.user_id = p_user_id
    for no key update;

    -- Looked up behind the lock: a repeat that overlaps the first call waits above and finds its entry here.
    select entry.*
    into v_first
    from stripe_idempotency.wallet_transactions as entry
    where entry.idempotency_key = p_idempotency_key;

    already_applied := found;
    if already_applied then
        if (v_first.user_id, v_first.amount, v_first.reference) <> (p_user_id, p_amount, p_reference) then
            raise exception 'Idempotency key was used with other arguments: %', p_idempotency_key;
        end if;
        transaction_id := v_first.id;
        new_balance := v_first.balance_after;
        return;
    end if;

    v_after := v_before::bigint + p_amount;
    if v_after < 0 then
        raise exception 'Insufficient balance. Current: %, Required: %', v_before, -p_amount;
    elsif v_after > 2147483647 then
        raise exception 'Balance would be too large: %', v_after;
    end if;

    update stripe_idempotency.wallets as wallet
    set balance = v_after, updated_at = now()
    where wallet.user_id = p_user_id
    returning wallet.balance into strict new_balance;

    -- entry_no is drawn here, under the lock: a wallet's entries are numbered in the order in which they happened.
    insert into stripe_idempotency.wallet_transactions as entry (
        user_id, amount, balance_before, balance_after, kind, reference, idempotency_key, stripe_event_id
    )
    values (
        p_user_id, p_amount, v_before, new_balance, p_kind, p_reference, p_idempotency_key, p_stripe_event_id
    )
    on conflict (idempotency_key) do nothing
    returning entry.id into transaction_id;

    -- Another wallet's lock is none of ours: there the key may have been used since we looked.
    if not found then
        raise exception 'Idempotency key was used with other arguments: %', p_idempotency_key;
    end if;
end;
$$;

alter function stripe_idempotency.post_wallet_transaction(uuid, integer, text, text, text, text)
owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.post_wallet_transaction(uuid, integer, text, text, text, text)
from public, anon, authenticated, service_role;
