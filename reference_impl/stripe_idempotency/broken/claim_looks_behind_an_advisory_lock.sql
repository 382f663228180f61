-- title:     A claim is looked for behind an advisory lock, and inserted if it isn't there
-- class:     check_before_lock
-- operation: claim_stripe_idempotency
-- hurts:     the second caller at repeatable read, who gets a raw unique violation instead of "try again"
-- caught-by: race same_claim_repeatable_read
-- changes:   functions/claim_stripe_idempotency.sql
--
-- In read committed this holds. At repeatable read the snapshot is older than the lock: the look finds nothing of the
-- claim that has committed meanwhile.

-- @instead of
    -- The first caller makes the row, with a lease that is free; of two first callers the second waits here.
    insert into stripe_idempotency.stripe_idempotency_keys (
-- @write
    perform pg_advisory_xact_lock(hashtext(p_operation_type || ':' || p_operation_id));
    insert into stripe_idempotency.stripe_idempotency_keys (

-- @instead of
    values (
        p_operation_type,
-- @write
    select
        p_operation_type,

-- @instead of
        coalesce(p_metadata, '{}')
    )
    on conflict (operation_type, operation_id) do nothing;
-- @write
        coalesce(p_metadata, '{}')
    where not exists (
        select 1
        from stripe_idempotency.stripe_idempotency_keys as claim
        where claim.operation_type = p_operation_type and claim.operation_id = p_operation_id
    );
