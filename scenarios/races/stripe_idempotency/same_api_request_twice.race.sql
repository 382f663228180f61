-- title:    One request reaches the API twice at once, under one idempotency key
-- property: serial, replay
-- detects:  check_then_act, insert_where_not_exists, raw_unique_violation
-- expect:   exactly 1 ok in claim_idempotency_key
-- expect:   exactly 1 refused in claim_idempotency_key
--
-- One of them does the request. The other must neither do it too nor fail on an index, but hear that it is being
-- done.

-- @values user uuid, key text

-- @setup
insert into stripe_idempotency.users (id) values (:user);

-- @session first_try
-- @call claim_idempotency_key
select * from stripe_idempotency.claim_idempotency_key(:key, 'sha-1', :user);

-- @session second_try
-- @call claim_idempotency_key
select * from stripe_idempotency.claim_idempotency_key(:key, 'sha-1', :user);
