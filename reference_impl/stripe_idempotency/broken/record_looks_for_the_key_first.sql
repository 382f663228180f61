-- title:           A record looks whether its Stripe key is free, and then counts on it
-- class:           raw_unique_violation
-- operation:       record_stripe_idempotency
-- hurts:           the second of two callers who share a key: a raw error, or one resource recorded for two operations
-- caught-by:       race one_stripe_key_for_two_operations
-- unmask:          alter table stripe_idempotency.stripe_idempotency_keys drop constraint stripe_key_once
-- caught-unmasked: race one_stripe_key_for_two_operations,
--                  lint key_without_unique,
--                  audit stripe_key_belongs_to_one_claim
-- changes:         functions/record_stripe_idempotency.sql

-- @instead of
    insert into stripe_idempotency.stripe_idempotency_keys as claim (
-- @write
    if exists (
        select 1
        from stripe_idempotency.stripe_idempotency_keys as claim
        where claim.stripe_idempotency_key = p_stripe_idempotency_key
            and (claim.operation_type, claim.operation_id) <> (p_operation_type, p_operation_id)
    ) and not exists (
        select 1
        from stripe_idempotency.stripe_idempotency_keys as claim
        where claim.operation_type = p_operation_type and claim.operation_id = p_operation_id
    ) then
        raise exception 'Stripe idempotency key was used for another operation: %', p_stripe_idempotency_key;
    end if;
    insert into stripe_idempotency.stripe_idempotency_keys as claim (

-- @instead of
    on conflict do nothing
-- @write
    on conflict (operation_type, operation_id) do nothing
