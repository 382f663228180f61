-- title:    A late response is stored while a repeat of the request takes the lease over
-- property: serial, state
-- detects:  check_before_lock, status_acted_on_twice
-- expect:   exactly 1 ok in claim_idempotency_key
-- expect:   exactly 0 error
--
-- Either the response comes first and answers the repeat, or the repeat does the request again and the late response
-- isn't wanted any more. Stored after the takeover, it would stand where another answer has been given.

-- @values user uuid, key text

-- @setup
insert into stripe_idempotency.users (id) values (:user);
insert into stripe_idempotency.idempotency_keys (
    idempotency_key, user_id, request_fingerprint, attempt, lease_expires_at
)
values (:key, :user, 'sha-1', 1, clock_timestamp() - interval '1 second');

-- @session late_owner
-- @call complete_idempotency_key
select * from stripe_idempotency.complete_idempotency_key(:key, :user, 1, 201, '{"id": 7}');

-- @session repeat
-- @call claim_idempotency_key
select * from stripe_idempotency.claim_idempotency_key(:key, 'sha-1', :user);
