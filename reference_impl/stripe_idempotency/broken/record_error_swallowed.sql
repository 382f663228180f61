-- title:     A record that can't be written returns NULL
-- class:     exception_swallowed
-- operation: record_stripe_idempotency
-- hurts:     the customer: the caller goes on, nothing is recorded, and the next caller calls Stripe again
-- caught-by: contract record_never_overwritten,
--            race look_call_record_twice,
--            race one_stripe_key_for_two_operations,
--            lint retryable_as_refusal
-- changes:   functions/record_stripe_idempotency.sql

-- @instead of
    return v_claim.id;
end;
$$;
-- @write
    return v_claim.id;
exception
    when others then
        return null;
end;
$$;
