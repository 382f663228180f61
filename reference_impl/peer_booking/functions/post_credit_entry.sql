-- Move credit: change the balance of one account, write the entry that says so and the line of the log. The
-- only place where these are written. Exactly one of the four documents is given.
--
-- The caller has locked the account, together with all others of its transaction, with lock_accounts.

create or replace function peer_booking.post_credit_entry(
    p_user_id uuid,
    p_amount integer,
    p_transaction_type text,
    p_description text,
    p_reference_id uuid,
    p_reference_type text,
    p_update_id uuid default null,
    p_transfer_id uuid default null,
    p_allocation_id uuid default null,
    p_old_transaction_id uuid default null,
    p_created_at timestamptz default now()
)
returns void
language plpgsql
set search_path = ''
as $$
declare
    v_before bigint;
    v_after bigint;
    v_entry_no bigint;
begin
    select account.balance
    into strict v_before
    from peer_booking.credits as account
    where account.user_id = p_user_id;

    v_after := v_before + p_amount;
    if v_after < 0 and p_transaction_type = 'session_reversal' then
        raise exception 'Practitioner has spent the credits. Current: %, Required: %', v_before, v_before - v_after;
    elsif v_after < 0 then
        raise exception 'Insufficient credits. Current: %, Required: %', v_before, v_before - v_after;
    elsif v_after > 2147483647 then
        raise exception 'Credit balance would be too large: %', v_after;
    end if;

    -- Balance, entry and line of the log are one statement, so there is none without the others. entry_no is
    -- drawn here, under the lock: an account's entries are numbered in the order in which they happened.
    with account as (
        update peer_booking.credits
        set balance = v_after, updated_at = now()
        where user_id = p_user_id
        returning user_id, balance
    ),

    entry as (
        insert into peer_booking.credit_transactions (
            user_id, amount, balance_before, balance_after, transaction_type, description,
            reference_id, reference_type, update_id, transfer_id, allocation_id, old_transaction_id, created_at
        )
        select
            account.user_id, p_amount, v_before, account.balance, p_transaction_type, p_description,
            p_reference_id, p_reference_type, p_update_id, p_transfer_id, p_allocation_id, p_old_transaction_id,
            p_created_at
        from account
        returning entry_no, user_id, transaction_type, balance_before, balance_after
    )

    insert into peer_booking.credit_audit_log (
        entry_no, user_id, transaction_type, balance_before, balance_after, db_role, token_subject
    )
    select
        entry.entry_no,
        entry.user_id,
        entry.transaction_type,
        entry.balance_before,
        entry.balance_after,
        coalesce(nullif(current_setting('role'), 'none'), session_user),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
    from entry
    returning entry_no into strict v_entry_no;
end;
$$;

alter function peer_booking.post_credit_entry(
    uuid, integer, text, text, uuid, text, uuid, uuid, uuid, uuid, timestamptz
) owner to peer_booking_owner;
revoke all on function peer_booking.post_credit_entry(
    uuid, integer, text, text, uuid, text, uuid, uuid, uuid, uuid, timestamptz
) from public, anon, authenticated, service_role;
