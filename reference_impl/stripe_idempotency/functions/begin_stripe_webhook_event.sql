-- Claim an event from Stripe before doing what it asks for. Of all deliveries one hears "claimed"; the others hear
-- "in_progress" (answer Stripe with an error: it delivers again), or "processed".
--
-- Receiving is no processing: an event whose handler died is claimed again once the lease has lapsed. Do the effect and
-- finish_stripe_webhook_event in one transaction, or make the effect idempotent under the event's id.

create or replace function stripe_idempotency.begin_stripe_webhook_event(
    p_event_id text,
    p_event_type text,
    p_lease_seconds integer default 60,
    out outcome text,
    out effect text,
    out attempt integer,
    out lease_expires_at timestamptz
)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_event stripe_idempotency.stripe_webhook_events;
    v_now timestamptz;
begin
    perform stripe_idempotency.check_webhook_event(p_event_id, p_event_type);
    if p_lease_seconds is null or p_lease_seconds not between 1 and 3600 then
        raise exception 'Invalid lease: %', p_lease_seconds;
    end if;

    -- The first delivery makes the row, with a lease that is free; of two first ones the second waits here.
    insert into stripe_idempotency.stripe_webhook_events (event_id, event_type, lease_expires_at)
    values (p_event_id, p_event_type, '-infinity')
    on conflict (event_id) do nothing;

    -- This row lock puts the deliveries in a line: only one of them sees the lease free.
    select event.*
    into strict v_event
    from stripe_idempotency.stripe_webhook_events as event
    where event.event_id = p_event_id
    for no key update;
    v_now := clock_timestamp();

    if v_event.event_type <> p_event_type then
        raise exception 'Event was delivered with other content: %', p_event_id;
    end if;

    outcome := case
        when v_event.status = 'processed' then 'processed'
        when v_event.lease_expires_at > v_now then 'in_progress'
        else 'claimed'
    end;

    if outcome = 'claimed' then
        update stripe_idempotency.stripe_webhook_events as event
        set attempt = event.attempt + 1, lease_expires_at = v_now + make_interval(secs => p_lease_seconds)
        where event.event_id = p_event_id
        returning event.* into strict v_event;
        attempt := v_event.attempt;
    end if;

    effect := v_event.effect;
    lease_expires_at := v_event.lease_expires_at;
end;
$$;

alter function stripe_idempotency.begin_stripe_webhook_event(text, text, integer) owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.begin_stripe_webhook_event(text, text, integer)
from public, anon, authenticated, service_role;
grant execute on function stripe_idempotency.begin_stripe_webhook_event(text, text, integer) to service_role;
