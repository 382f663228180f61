-- title:     Two records of one claim don't wait for each other
-- class:     check_before_lock
-- operation: record_stripe_idempotency
-- hurts:     whoever reads the record: what the first owner wrote is written again by the second
-- caught-by: race two_owners_record_one_resource
-- changes:   functions/record_stripe_idempotency.sql

-- @instead of
    where claim.operation_type = p_operation_type and claim.operation_id = p_operation_id
    for no key update;
-- @write
    where claim.operation_type = p_operation_type and claim.operation_id = p_operation_id;
