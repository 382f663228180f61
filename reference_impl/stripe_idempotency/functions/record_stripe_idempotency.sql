-- Record which resource Stripe has made for an operation, and return the record's id. The operation is the key:
-- the same record again returns the same id.
--
-- No lease is asked for. Whoever sent the claim's key got the one resource that Stripe made under it, in time or late.
-- Callers who never claimed may record what they made under a key of their own, unless there is a claim.

create or replace function stripe_idempotency.record_stripe_idempotency(
    p_operation_type text,
    p_operation_id text,
    p_stripe_idempotency_key text,
    p_stripe_resource_id text,
    p_user_id uuid default null,
    p_metadata jsonb default '{}',
    p_expires_at timestamptz default null
)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_claim stripe_idempotency.stripe_idempotency_keys;
begin
    perform stripe_idempotency.check_operation(p_operation_type, p_operation_id);
    if stripe_idempotency.is_identifier(p_stripe_idempotency_key) is not true then
        raise exception 'Invalid Stripe idempotency key: %', p_stripe_idempotency_key;
    elsif stripe_idempotency.is_identifier(p_stripe_resource_id) is not true then
        raise exception 'Invalid Stripe resource id: %', p_stripe_resource_id;
    elsif jsonb_typeof(p_metadata) <> 'object' then
        raise exception 'Metadata is not an object';
    elsif p_user_id is not null and not exists (
        select 1 from stripe_idempotency.users as account where account.id = p_user_id
    ) then
        raise exception 'User not found: %', p_user_id;
    end if;

    -- Without a conflict target: both the operation and the Stripe key may be taken, and a raw unique violation would
    -- tell the caller of neither.
    insert into stripe_idempotency.stripe_idempotency_keys as claim (
        operation_type, operation_id, stripe_idempotency_key, stripe_resource_id, status, user_id, metadata,
        completed_at, expires_at
    )
    values (
        p_operation_type, p_operation_id, p_stripe_idempotency_key, p_stripe_resource_id, 'completed', p_user_id,
        coalesce(p_metadata, '{}'), clock_timestamp(), coalesce(p_expires_at, clock_timestamp() + interval '23 hours')
    )
    on conflict do nothing
    returning claim.* into v_claim;
    if found then
        return v_claim.id;
    end if;

    -- This row lock puts two records of one operation in a line; the second finds it completed.
    select claim.*
    into v_claim
    from stripe_idempotency.stripe_idempotency_keys as claim
    where claim.operation_type = p_operation_type and claim.operation_id = p_operation_id
    for no key update;

    if v_claim.id is null then
        raise exception 'Stripe idempotency key was used for another operation: %', p_stripe_idempotency_key;
    elsif v_claim.stripe_idempotency_key <> p_stripe_idempotency_key then
        raise exception 'Operation has another Stripe idempotency key: %:%', p_operation_type, p_operation_id;
    elsif v_claim.user_id is distinct from p_user_id then
        raise exception 'Operation belongs to another user: %:%', p_operation_type, p_operation_id;
    elsif v_claim.stripe_resource_id <> p_stripe_resource_id then
        raise exception 'Operation is completed with another Stripe resource: %:%', p_operation_type, p_operation_id;
    end if;

    if v_claim.status <> 'completed' then
        update stripe_idempotency.stripe_idempotency_keys as claim
        set
            status = 'completed',
            stripe_resource_id = p_stripe_resource_id,
            lease_expires_at = null,
            metadata = claim.metadata || coalesce(p_metadata, '{}'),
            completed_at = clock_timestamp(),
            expires_at = coalesce(p_expires_at, claim.expires_at)
        where claim.id = v_claim.id
        returning claim.* into strict v_claim;
    end if;
    return v_claim.id;
end;
$$;

alter function stripe_idempotency.record_stripe_idempotency(text, text, text, text, uuid, jsonb, timestamptz)
owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.record_stripe_idempotency(text, text, text, text, uuid, jsonb, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function stripe_idempotency.record_stripe_idempotency(text, text, text, text, uuid, jsonb, timestamptz)
to service_role;
