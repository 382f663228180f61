-- Refuse an event without an id or a type.

create or replace function stripe_idempotency.check_webhook_event(p_event_id text, p_event_type text)
returns void
language plpgsql
immutable
set search_path = ''
as $$
begin
    if stripe_idempotency.is_identifier(p_event_id) is not true then
        raise exception 'Invalid event id: %', p_event_id;
    elsif stripe_idempotency.is_identifier(p_event_type) is not true then
        raise exception 'Invalid event type: %', p_event_type;
    end if;
end;
$$;

alter function stripe_idempotency.check_webhook_event(text, text) owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.check_webhook_event(text, text)
from public, anon, authenticated, service_role;
