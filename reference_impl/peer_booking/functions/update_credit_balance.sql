-- Change one user's balance by an amount, and return the id of the transaction that says so.
--
-- bonus and purchase add, spend takes, adjustment does either. The reference is the request key: the same
-- one again returns the first call's id.

create or replace function peer_booking.update_credit_balance(
    p_user_id uuid,
    p_amount integer,
    p_transaction_type text,
    p_description text default null,
    p_reference_id uuid default null,
    p_reference_type text default null
)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_update peer_booking.balance_updates;
begin
    if p_amount is null or p_amount = 0 then
        raise exception 'Invalid credit amount: %', p_amount;
    elsif p_transaction_type is null or p_transaction_type not in ('bonus', 'purchase', 'spend', 'adjustment') then
        raise exception 'Unknown transaction type: %', p_transaction_type;
    elsif p_transaction_type <> 'adjustment' and (p_transaction_type = 'spend') <> (p_amount < 0) then
        raise exception 'Invalid credit amount for %: %', p_transaction_type, p_amount;
    end if;
    perform peer_booking.check_reference(p_reference_id, p_reference_type);

    -- Inserting claims the key: a second call with it waits here until the first has committed or is gone.
    -- For a user who doesn't exist there is nothing to insert.
    insert into peer_booking.balance_updates as requested (
        user_id, amount, transaction_type, description, reference_id, reference_type
    )
    select known.id, p_amount, p_transaction_type, p_description, p_reference_id, p_reference_type
    from peer_booking.users as known
    where known.id = p_user_id
    on conflict (reference_type, reference_id) do nothing
    returning requested.* into v_update;

    if found then
        perform peer_booking.lock_accounts(array[p_user_id]);
        perform peer_booking.post_credit_entry(
            p_user_id, p_amount, p_transaction_type, p_description, p_reference_id, p_reference_type,
            p_update_id => v_update.id
        );
    else
        perform peer_booking.check_users(array[p_user_id]);
        select requested.*
        into strict v_update
        from peer_booking.balance_updates as requested
        where requested.reference_type = p_reference_type and requested.reference_id = p_reference_id;

        if (v_update.user_id, v_update.amount, v_update.transaction_type, v_update.description)
            is distinct from (p_user_id, p_amount, p_transaction_type, p_description) then
            raise exception 'Reference was used with other arguments: % %', p_reference_type, p_reference_id;
        end if;
    end if;

    return (
        select entry.id
        from peer_booking.credit_transactions as entry
        where entry.request_key = p_transaction_type || ':' || v_update.id::text
    );
end;
$$;

alter function peer_booking.update_credit_balance(uuid, integer, text, text, uuid, text) owner to peer_booking_owner;
revoke all on function peer_booking.update_credit_balance(uuid, integer, text, text, uuid, text)
from public, anon, authenticated, service_role;
grant execute on function peer_booking.update_credit_balance(uuid, integer, text, text, uuid, text) to service_role;
