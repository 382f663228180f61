-- title:           Whether an operation is completed is read before its claim is locked
-- class:           status_acted_on_twice
-- operation:       fail_stripe_idempotency
-- hurts:           whoever looks for the resource: it was recorded, and the operation says that it failed
-- caught-by:       race error_against_late_record
-- unmask:          alter table stripe_idempotency.stripe_idempotency_keys drop constraint claim_resource_when_completed
-- unmask:          alter table stripe_idempotency.stripe_idempotency_keys drop constraint claim_completed_time
-- caught-unmasked: race error_against_late_record,
--                  audit unfinished_claim_has_no_resource,
--                  audit claim_completion_has_its_time
-- changes:         functions/lock_claim.sql

-- @instead of
    v_claim stripe_idempotency.stripe_idempotency_keys;
begin
-- @write
    v_claim stripe_idempotency.stripe_idempotency_keys;
    v_status text;
begin
    select claim.status
    into v_status
    from stripe_idempotency.stripe_idempotency_keys as claim
    where claim.operation_type = p_operation_type and claim.operation_id = p_operation_id;

-- @instead of
    elsif v_claim.status = 'completed' then
-- @write
    elsif v_status = 'completed' then
