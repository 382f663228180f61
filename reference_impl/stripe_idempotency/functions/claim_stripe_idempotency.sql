-- Claim an operation before calling Stripe. Of all callers one hears "claimed": it has the lease, and calls Stripe
-- with the key that is returned. The others hear "in_progress", or what became of it. Commit before calling.
--
-- The Stripe key is drawn once and kept. A lease that its owner let lapse goes to the next caller with the same key,
-- so whatever the dead owner has sent, Stripe does it once. When the key has become too old for that, or Stripe has
-- given a definitive error, nobody tries again blindly: the operation needs attention.

create or replace function stripe_idempotency.claim_stripe_idempotency(
    p_operation_type text,
    p_operation_id text,
    p_request_fingerprint text,
    p_lease_seconds integer default 60,
    p_user_id uuid default null,
    p_metadata jsonb default '{}',
    out outcome text,
    out stripe_idempotency_key text,
    out stripe_resource_id text,
    out attempt integer,
    out lease_expires_at timestamptz
)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_claim stripe_idempotency.stripe_idempotency_keys;
    v_now timestamptz;
begin
    perform stripe_idempotency.check_operation(p_operation_type, p_operation_id);
    if stripe_idempotency.is_identifier(p_request_fingerprint) is not true then
        raise exception 'Invalid request fingerprint: %', p_request_fingerprint;
    elsif p_lease_seconds is null or p_lease_seconds not between 1 and 3600 then
        raise exception 'Invalid lease: %', p_lease_seconds;
    elsif jsonb_typeof(p_metadata) <> 'object' then
        raise exception 'Metadata is not an object';
    elsif p_user_id is not null and not exists (
        select 1 from stripe_idempotency.users as account where account.id = p_user_id
    ) then
        raise exception 'User not found: %', p_user_id;
    end if;

    -- The first caller makes the row, with a lease that is free; of two first callers the second waits here.
    insert into stripe_idempotency.stripe_idempotency_keys (
        operation_type, operation_id, stripe_idempotency_key, request_fingerprint, lease_expires_at, user_id, metadata
    )
    values (
        p_operation_type,
        p_operation_id,
        format('%s:%s:%s', p_operation_type, p_operation_id, gen_random_uuid()),
        p_request_fingerprint,
        '-infinity',
        p_user_id,
        coalesce(p_metadata, '{}')
    )
    on conflict (operation_type, operation_id) do nothing;

    -- This row lock puts the callers in a line: only one of them sees the lease free. The clock is read behind it,
    -- since the time spent waiting is no part of anybody's lease.
    select claim.*
    into strict v_claim
    from stripe_idempotency.stripe_idempotency_keys as claim
    where claim.operation_type = p_operation_type and claim.operation_id = p_operation_id
    for no key update;
    v_now := clock_timestamp();

    if v_claim.request_fingerprint <> p_request_fingerprint or v_claim.user_id is distinct from p_user_id then
        raise exception 'Operation was claimed with other arguments: %:%', p_operation_type, p_operation_id;
    end if;

    -- Each line may rely on those above it.
    outcome := case
        when v_claim.status <> 'in_progress' then v_claim.status
        when v_claim.lease_expires_at > v_now then 'in_progress'
        when v_claim.expires_at <= v_now then 'needs_attention'
        else 'claimed'
    end;

    if outcome = 'claimed' then
        update stripe_idempotency.stripe_idempotency_keys as claim
        set attempt = claim.attempt + 1, lease_expires_at = v_now + make_interval(secs => p_lease_seconds)
        where claim.id = v_claim.id
        returning claim.* into strict v_claim;
        attempt := v_claim.attempt;
    elsif outcome = 'needs_attention' and v_claim.status = 'in_progress' then
        update stripe_idempotency.stripe_idempotency_keys as claim
        set status = 'needs_attention', lease_expires_at = null, last_error = 'Stripe key is too old to be sent again'
        where claim.id = v_claim.id
        returning claim.* into strict v_claim;
    end if;

    -- Who only waits gets no key to call with.
    if outcome <> 'in_progress' then
        stripe_idempotency_key := v_claim.stripe_idempotency_key;
    end if;
    stripe_resource_id := v_claim.stripe_resource_id;
    lease_expires_at := v_claim.lease_expires_at;
end;
$$;

alter function stripe_idempotency.claim_stripe_idempotency(text, text, text, integer, uuid, jsonb)
owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.claim_stripe_idempotency(text, text, text, integer, uuid, jsonb)
from public, anon, authenticated, service_role;
grant execute on function stripe_idempotency.claim_stripe_idempotency(text, text, text, integer, uuid, jsonb)
to service_role;
