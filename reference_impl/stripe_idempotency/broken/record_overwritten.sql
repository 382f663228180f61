-- title:     A record takes whatever resource comes last
-- class:     state_not_rechecked
-- operation: record_stripe_idempotency
-- hurts:     everybody who looks for the first resource: it is paid for, and nobody knows of it
-- caught-by: contract record_never_overwritten
-- changes:   functions/record_stripe_idempotency.sql

-- @instead of
    elsif v_claim.stripe_resource_id <> p_stripe_resource_id then
        raise exception 'Operation is completed with another Stripe resource: %:%', p_operation_type, p_operation_id;
    end if;

    if v_claim.status <> 'completed' then
-- @write
    end if;

    if v_claim.stripe_resource_id is distinct from p_stripe_resource_id then
