-- Give a user credits for an event, and return the allocation's id.
--
-- The event's id is the request key: the same one again returns the first call's id.

create or replace function peer_booking.allocate_user_credits(
    p_user_id uuid,
    p_amount integer,
    p_description text default null,
    p_event_id text default null
)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_allocation peer_booking.credit_allocations;
begin
    perform peer_booking.check_amount(p_amount);
    if btrim(p_event_id) = '' then
        raise exception 'Event id is blank';
    end if;

    -- Inserting claims the event: a second call for it waits here until the first has committed or is gone.
    -- For a user who doesn't exist there is nothing to insert.
    insert into peer_booking.credit_allocations as allocation (
        user_id, amount, allocation_type, event_id, description
    )
    select known.id, p_amount, 'event', p_event_id, p_description
    from peer_booking.users as known
    where known.id = p_user_id
    on conflict (event_id) do nothing
    returning allocation.* into v_allocation;

    if found then
        perform peer_booking.lock_accounts(array[p_user_id]);
        perform peer_booking.post_credit_entry(
            p_user_id, p_amount, 'bonus', p_description, v_allocation.id, 'event', p_allocation_id => v_allocation.id
        );
        return v_allocation.id;
    end if;

    perform peer_booking.check_users(array[p_user_id]);
    select allocation.*
    into strict v_allocation
    from peer_booking.credit_allocations as allocation
    where allocation.event_id = p_event_id;

    if (v_allocation.user_id, v_allocation.amount, v_allocation.description)
        is distinct from (p_user_id, p_amount, p_description) then
        raise exception 'Event was used with other arguments: %', p_event_id;
    end if;
    return v_allocation.id;
end;
$$;

alter function peer_booking.allocate_user_credits(uuid, integer, text, text) owner to peer_booking_owner;
revoke all on function peer_booking.allocate_user_credits(uuid, integer, text, text)
from public, anon, authenticated, service_role;
grant execute on function peer_booking.allocate_user_credits(uuid, integer, text, text) to service_role;
