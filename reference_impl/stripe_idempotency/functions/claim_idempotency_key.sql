-- Claim a request to our own API before doing it. Of all callers one hears "claimed" and does it; the others hear
-- "in_progress", or "completed" with the response that the first one stored.
--
-- A lease that its owner let lapse goes to the next caller, who does the request again: what it does has to be
-- idempotent by itself, or be committed together with complete_idempotency_key.

create or replace function stripe_idempotency.claim_idempotency_key(
    p_idempotency_key text,
    p_request_fingerprint text,
    p_user_id uuid default null,
    p_lease_seconds integer default 60,
    out outcome text,
    out response_status integer,
    out response_body jsonb,
    out attempt integer,
    out lease_expires_at timestamptz
)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_request stripe_idempotency.idempotency_keys;
    v_now timestamptz;
begin
    if stripe_idempotency.is_identifier(p_idempotency_key) is not true then
        raise exception 'Invalid idempotency key: %', p_idempotency_key;
    elsif stripe_idempotency.is_identifier(p_request_fingerprint) is not true then
        raise exception 'Invalid request fingerprint: %', p_request_fingerprint;
    elsif p_lease_seconds is null or p_lease_seconds not between 1 and 3600 then
        raise exception 'Invalid lease: %', p_lease_seconds;
    elsif p_user_id is not null and not exists (
        select 1 from stripe_idempotency.users as account where account.id = p_user_id
    ) then
        raise exception 'User not found: %', p_user_id;
    end if;

    -- The first caller makes the row, with a lease that is free; of two first callers the second waits here.
    insert into stripe_idempotency.idempotency_keys (idempotency_key, user_id, request_fingerprint, lease_expires_at)
    values (p_idempotency_key, p_user_id, p_request_fingerprint, '-infinity')
    on conflict (idempotency_key) do nothing;

    -- This row lock puts the callers in a line: only one of them sees the lease free.
    select request.*
    into strict v_request
    from stripe_idempotency.idempotency_keys as request
    where request.idempotency_key = p_idempotency_key
    for no key update;
    v_now := clock_timestamp();

    -- Keys are chosen by clients: another user's key must not show another user's response.
    if v_request.request_fingerprint <> p_request_fingerprint or v_request.user_id is distinct from p_user_id then
        raise exception 'Idempotency key was used with other arguments: %', p_idempotency_key;
    end if;

    outcome := case
        when v_request.status = 'completed' then 'completed'
        when v_request.lease_expires_at > v_now then 'in_progress'
        else 'claimed'
    end;

    if outcome = 'claimed' then
        update stripe_idempotency.idempotency_keys as request
        set attempt = request.attempt + 1, lease_expires_at = v_now + make_interval(secs => p_lease_seconds)
        where request.idempotency_key = p_idempotency_key
        returning request.* into strict v_request;
        attempt := v_request.attempt;
    end if;

    response_status := v_request.response_status;
    response_body := v_request.response_body;
    lease_expires_at := v_request.lease_expires_at;
end;
$$;

alter function stripe_idempotency.claim_idempotency_key(text, text, uuid, integer) owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.claim_idempotency_key(text, text, uuid, integer)
from public, anon, authenticated, service_role;
grant execute on function stripe_idempotency.claim_idempotency_key(text, text, uuid, integer) to service_role;
