-- Send credits from one user to another, and return the ids of the two transactions: what the payer spent
-- and what the receiver earned. Both are written, or none is.
--
-- The reference is the request key: the same one again returns the first call's ids.

create or replace function peer_booking.credits_transfer(
    p_from_user_id uuid,
    p_to_user_id uuid,
    p_amount integer,
    p_reference_id uuid default null,
    p_reference_type text default null,
    p_description text default null
)
returns table (spend_transaction_id uuid, earn_transaction_id uuid)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_transfer peer_booking.credit_transfers;
begin
    perform peer_booking.check_amount(p_amount);
    perform peer_booking.check_reference(p_reference_id, p_reference_type);
    if p_from_user_id = p_to_user_id then
        raise exception 'Sender and receiver are the same: %', p_from_user_id;
    end if;

    -- Inserting claims the key: a second call with it waits here until the first has committed or is gone.
    -- For a user who doesn't exist there is nothing to insert.
    insert into peer_booking.credit_transfers as transfer (
        kind, from_user_id, to_user_id, amount, description, reference_id, reference_type
    )
    select 'transfer', payer.id, receiver.id, p_amount, p_description, p_reference_id, p_reference_type
    from peer_booking.users as payer
    cross join peer_booking.users as receiver
    where payer.id = p_from_user_id and receiver.id = p_to_user_id
    on conflict (reference_type, reference_id) do nothing
    returning transfer.* into v_transfer;

    if found then
        perform peer_booking.move_credits(v_transfer);
    else
        perform peer_booking.check_users(array[p_from_user_id, p_to_user_id]);
        select transfer.*
        into strict v_transfer
        from peer_booking.credit_transfers as transfer
        where transfer.reference_type = p_reference_type and transfer.reference_id = p_reference_id;

        if (v_transfer.from_user_id, v_transfer.to_user_id, v_transfer.amount, v_transfer.description)
            is distinct from (p_from_user_id, p_to_user_id, p_amount, p_description) then
            raise exception 'Reference was used with other arguments: % %', p_reference_type, p_reference_id;
        end if;
    end if;

    return query
    select legs.spend_transaction_id, legs.earn_transaction_id
    from peer_booking.credit_transfer_legs as legs
    where legs.transfer_id = v_transfer.id;
end;
$$;

alter function peer_booking.credits_transfer(uuid, uuid, integer, uuid, text, text) owner to peer_booking_owner;
revoke all on function peer_booking.credits_transfer(uuid, uuid, integer, uuid, text, text)
from public, anon, authenticated, service_role;
grant execute on function peer_booking.credits_transfer(uuid, uuid, integer, uuid, text, text) to service_role;
