-- Store the response of a claimed request, for every repeat to be answered with. Returns whether it was stored before:
-- the same response again changes nothing.
--
-- Only the last owner stores one: who lost the lease would overwrite what the new owner answers.

create or replace function stripe_idempotency.complete_idempotency_key(
    p_idempotency_key text,
    p_user_id uuid,
    p_attempt integer,
    p_response_status integer,
    p_response_body jsonb,
    out already_completed boolean
)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_request stripe_idempotency.idempotency_keys;
begin
    if stripe_idempotency.is_identifier(p_idempotency_key) is not true then
        raise exception 'Invalid idempotency key: %', p_idempotency_key;
    elsif p_response_status is null or p_response_status not between 100 and 599 then
        raise exception 'Invalid response status: %', p_response_status;
    elsif p_response_body is null then
        raise exception 'Response body is missing';
    end if;

    -- This row lock decides between the owner's response and the next caller's taking over.
    select request.*
    into v_request
    from stripe_idempotency.idempotency_keys as request
    where request.idempotency_key = p_idempotency_key
    for no key update;

    if v_request.idempotency_key is null or v_request.user_id is distinct from p_user_id then
        raise exception 'Idempotency key not found: %', p_idempotency_key;
    elsif v_request.attempt is distinct from p_attempt then
        raise exception 'Lease was lost. Given attempt: %, Current: %', p_attempt, v_request.attempt;
    end if;

    already_completed := v_request.status = 'completed';
    if already_completed then
        if (v_request.response_status, v_request.response_body) <> (p_response_status, p_response_body) then
            raise exception 'Request is completed with another response: %', p_idempotency_key;
        end if;
        return;
    end if;

    update stripe_idempotency.idempotency_keys as request
    set
        status = 'completed',
        response_status = p_response_status,
        response_body = p_response_body,
        lease_expires_at = null,
        completed_at = clock_timestamp()
    where request.idempotency_key = p_idempotency_key
    returning request.status = 'completed' into strict v_request.status;
end;
$$;

alter function stripe_idempotency.complete_idempotency_key(text, uuid, integer, integer, jsonb)
owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.complete_idempotency_key(text, uuid, integer, integer, jsonb)
from public, anon, authenticated, service_role;
grant execute on function stripe_idempotency.complete_idempotency_key(text, uuid, integer, integer, jsonb)
to service_role;
