-- title:     A stored response is shown to whoever comes with the key
-- class:     key_reused_for_other_arguments
-- operation: claim_idempotency_key
-- hurts:     the user whose response it is: keys are chosen by clients, and "1" is a popular one
-- caught-by: contract api_response_replayed
-- changes:   functions/claim_idempotency_key.sql

-- @instead of
    if v_request.request_fingerprint <> p_request_fingerprint or v_request.user_id is distinct from p_user_id then
-- @write
    if v_request.request_fingerprint <> p_request_fingerprint then
