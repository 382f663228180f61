-- title:     A record is inserted where a look has found none for the operation
-- class:     raw_unique_violation
-- operation: record_stripe_idempotency
-- hurts:     the second of two callers: an index's name, and no word of the resource that is there
-- caught-by: race look_call_record_twice
-- changes:   functions/record_stripe_idempotency.sql
--
-- The source's flow, inside one function: look, then write. Two callers who look at once both write.

-- @instead of
    insert into stripe_idempotency.stripe_idempotency_keys as claim (
-- @write
    if not exists (
        select 1
        from stripe_idempotency.stripe_idempotency_keys as claim
        where claim.operation_type = p_operation_type and claim.operation_id = p_operation_id
    ) then
    insert into stripe_idempotency.stripe_idempotency_keys as claim (

-- @instead of
    on conflict do nothing
-- @write
    on conflict (stripe_idempotency_key) do nothing

-- @instead of
    if found then
        return v_claim.id;
    end if;
-- @write
    if found then
        return v_claim.id;
    end if;
    end if;
