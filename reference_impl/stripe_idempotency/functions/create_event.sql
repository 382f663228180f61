-- Create an event of an organizer and return its id; under the same idempotency key, that of the first one.

create or replace function stripe_idempotency.create_event(
    p_organizer_id uuid,
    p_title text,
    p_starts_at timestamptz,
    p_idempotency_key text default null
)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_event stripe_idempotency.events;
begin
    if p_title is null or btrim(p_title) = '' then
        raise exception 'Title is missing';
    elsif p_starts_at is null or not isfinite(p_starts_at) then
        raise exception 'Invalid start: %', p_starts_at;
    elsif p_idempotency_key is not null and stripe_idempotency.is_identifier(p_idempotency_key) is not true then
        raise exception 'Invalid idempotency key: %', p_idempotency_key;
    elsif not exists (select 1 from stripe_idempotency.users as account where account.id = p_organizer_id) then
        raise exception 'User not found: %', p_organizer_id;
    end if;

    -- Inserting claims the key: a second call with it waits here until the first has committed or is gone.
    insert into stripe_idempotency.events as event (organizer_id, title, starts_at, idempotency_key)
    values (p_organizer_id, p_title, p_starts_at, p_idempotency_key)
    on conflict (idempotency_key) do nothing
    returning event.* into v_event;

    if not found then
        select event.*
        into strict v_event
        from stripe_idempotency.events as event
        where event.idempotency_key = p_idempotency_key;

        if (v_event.organizer_id, v_event.title, v_event.starts_at) <> (p_organizer_id, p_title, p_starts_at) then
            raise exception 'Idempotency key was used with other arguments: %', p_idempotency_key;
        end if;
    end if;
    return v_event.id;
end;
$$;

alter function stripe_idempotency.create_event(uuid, text, timestamptz, text) owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.create_event(uuid, text, timestamptz, text)
from public, anon, authenticated, service_role;
grant execute on function stripe_idempotency.create_event(uuid, text, timestamptz, text) to service_role;
