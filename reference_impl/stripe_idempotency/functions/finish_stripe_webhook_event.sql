-- Mark an event as processed, with the id of what it did, or NULL where it did nothing. Returns whether it was marked
-- before: the same again changes nothing.
--
-- Called in the transaction that does the effect, the two happen together: where the lease was lost, this is refused
-- and takes the effect back with it.

create or replace function stripe_idempotency.finish_stripe_webhook_event(
    p_event_id text,
    p_attempt integer,
    p_effect text default null,
    out already_processed boolean
)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_event stripe_idempotency.stripe_webhook_events;
begin
    if p_effect is not null and stripe_idempotency.is_identifier(p_effect) is not true then
        raise exception 'Invalid effect: %', p_effect;
    end if;

    -- This row lock decides between the end of one handler and the next one's taking over.
    select event.*
    into v_event
    from stripe_idempotency.stripe_webhook_events as event
    where event.event_id = p_event_id
    for no key update;

    if v_event.event_id is null then
        raise exception 'Event not found: %', p_event_id;
    elsif v_event.attempt is distinct from p_attempt then
        raise exception 'Lease was lost. Given attempt: %, Current: %', p_attempt, v_event.attempt;
    end if;

    already_processed := v_event.status = 'processed';
    if already_processed then
        if v_event.effect is distinct from p_effect then
            raise exception 'Event is processed with another effect: %', p_event_id;
        end if;
        return;
    end if;

    update stripe_idempotency.stripe_webhook_events as event
    set status = 'processed', effect = p_effect, lease_expires_at = null, processed_at = now()
    where event.event_id = p_event_id
    returning event.event_id into strict v_event.event_id;
end;
$$;

alter function stripe_idempotency.finish_stripe_webhook_event(text, integer, text) owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.finish_stripe_webhook_event(text, integer, text)
from public, anon, authenticated, service_role;
grant execute on function stripe_idempotency.finish_stripe_webhook_event(text, integer, text) to service_role;
