-- title:     A response is stored without a lock on its request
-- class:     check_before_lock
-- operation: complete_idempotency_key
-- hurts:     the user, who is answered with what a request did that has been done again since
-- caught-by: race late_response_against_takeover
-- changes:   functions/complete_idempotency_key.sql

-- @instead of
    where request.idempotency_key = p_idempotency_key
    for no key update;
-- @write
    where request.idempotency_key = p_idempotency_key;
