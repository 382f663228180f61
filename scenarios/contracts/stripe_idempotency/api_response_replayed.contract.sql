-- title:    A repeated request gets the first one's response, and other requests under its key get none
-- property: replay, input, access
-- detects:  key_reused_for_other_arguments, not_idempotent, state_not_rechecked
--
-- Clients choose these keys, so another user may come with the same one, by chance or on purpose,
-- and must not be shown the response. Whoever lost the lease must not overwrite what the new owner
-- has answered.

-- @values user uuid, other uuid, unknown uuid, key text, second_key text
-- @setup
insert into stripe_idempotency.users (id) values (:user), (:other);

-- @call claim_idempotency_key
-- @expect refused P0001 Invalid idempotency key: <NULL>
select * from stripe_idempotency.claim_idempotency_key(null, null);
-- @call claim_idempotency_key
-- @expect refused P0001 Invalid idempotency key: two words
select * from stripe_idempotency.claim_idempotency_key('two words', null);
-- @call claim_idempotency_key
-- @expect refused P0001 Invalid request fingerprint: <NULL>
select * from stripe_idempotency.claim_idempotency_key(:key, null, :unknown, 0);
-- @call claim_idempotency_key
-- @expect refused P0001 Invalid lease: 0
select * from stripe_idempotency.claim_idempotency_key(:key, 'sha-1', :unknown, 0);
-- @call claim_idempotency_key
-- @expect refused P0001 Invalid lease: <NULL>
select * from stripe_idempotency.claim_idempotency_key(:key, 'sha-1', :user, null);
-- @call claim_idempotency_key
-- @expect refused P0001 Invalid lease: 3601
select * from stripe_idempotency.claim_idempotency_key(:key, 'sha-1', :user, 3601);
-- @call claim_idempotency_key
-- @expect refused P0001 User not found: *-*
select * from stripe_idempotency.claim_idempotency_key(:key, 'sha-1', :unknown);
-- @call complete_idempotency_key
-- @expect refused P0001 Idempotency key not found: key-*
select * from stripe_idempotency.complete_idempotency_key(:key, :user, 1, 201, '{}');

-- @call claim_idempotency_key
-- @expect ok outcome=claimed, response_status=null, response_body=null, attempt=1, lease_to_come=true
select
    claim.outcome,
    claim.response_status,
    claim.response_body,
    claim.attempt,
    claim.lease_expires_at > clock_timestamp() + interval '50 seconds' as lease_to_come
from stripe_idempotency.claim_idempotency_key(:key, 'sha-1', :user) as claim;
-- @call claim_idempotency_key
-- @expect refused outcome=in_progress, response_status=null, response_body=null, attempt=null, lease_expires_at=2*
select * from stripe_idempotency.claim_idempotency_key(:key, 'sha-1', :user);
-- @call claim_idempotency_key
-- @expect refused P0001 Idempotency key was used with other arguments: key-*
select * from stripe_idempotency.claim_idempotency_key(:key, 'sha-2', :user);

-- The first owner is late, and the request was done again.
-- @setup
update stripe_idempotency.idempotency_keys
set lease_expires_at = clock_timestamp() - interval '1 second'
where idempotency_key = :key;
-- @call claim_idempotency_key
-- @expect ok outcome=claimed, response_status=null, response_body=null, attempt=2, lease_expires_at=2*
select * from stripe_idempotency.claim_idempotency_key(:key, 'sha-1', :user, 3600);
-- @call complete_idempotency_key
-- @expect refused P0001 Lease was lost. Given attempt: 1, Current: 2
select * from stripe_idempotency.complete_idempotency_key(:key, :user, 1, 500, '{"late": true}');

-- @call complete_idempotency_key
-- @expect refused P0001 Invalid idempotency key: <NULL>
select * from stripe_idempotency.complete_idempotency_key(null, :user, 2, 600, null);
-- @call complete_idempotency_key
-- @expect refused P0001 Invalid response status: 600
select * from stripe_idempotency.complete_idempotency_key(:key, :user, 2, 600, null);
-- @call complete_idempotency_key
-- @expect refused P0001 Invalid response status: <NULL>
select * from stripe_idempotency.complete_idempotency_key(:key, :user, 2, null, '{}');
-- @call complete_idempotency_key
-- @expect refused P0001 Response body is missing
select * from stripe_idempotency.complete_idempotency_key(:key, :other, 2, 201, null);
-- @call complete_idempotency_key
-- @expect refused P0001 Idempotency key not found: key-*
select * from stripe_idempotency.complete_idempotency_key(:key, :other, 2, 201, '{}');
-- @call complete_idempotency_key
-- @expect refused P0001 Lease was lost. Given attempt: <NULL>, Current: 2
select * from stripe_idempotency.complete_idempotency_key(:key, :user, null, 201, '{}');

-- @call complete_idempotency_key
-- @expect ok already_completed=false
select * from stripe_idempotency.complete_idempotency_key(:key, :user, 2, 201, '{"id": 7}');
-- @call complete_idempotency_key
-- @expect ok already_completed=true
select * from stripe_idempotency.complete_idempotency_key(:key, :user, 2, 201, '{"id": 7}');
-- @call complete_idempotency_key
-- @expect refused P0001 Request is completed with another response: key-*
select * from stripe_idempotency.complete_idempotency_key(:key, :user, 2, 201, '{"id": 8}');
-- @call complete_idempotency_key
-- @expect refused P0001 Request is completed with another response: key-*
select * from stripe_idempotency.complete_idempotency_key(:key, :user, 2, 200, '{"id": 7}');

-- @call claim_idempotency_key
-- @expect ok outcome=completed, response_status=201, response_body={*7*}, attempt=null, lease_expires_at=null
select * from stripe_idempotency.claim_idempotency_key(:key, 'sha-1', :user);
-- @call claim_idempotency_key
-- @expect refused P0001 Idempotency key was used with other arguments: key-*
select * from stripe_idempotency.claim_idempotency_key(:key, 'sha-2', :user);
-- @call claim_idempotency_key
-- @expect refused P0001 Idempotency key was used with other arguments: key-*
select * from stripe_idempotency.claim_idempotency_key(:key, 'sha-1', :other);
-- @call claim_idempotency_key
-- @expect refused P0001 Idempotency key was used with other arguments: key-*
select * from stripe_idempotency.claim_idempotency_key(:key, 'sha-1');

-- A guest's request, whose response is JSON's null.
-- @call claim_idempotency_key
-- @expect ok outcome=claimed, response_status=null, response_body=null, attempt=1, lease_expires_at=2*
select * from stripe_idempotency.claim_idempotency_key(:second_key, 'sha-1');
-- @call complete_idempotency_key
-- @expect ok already_completed=false
select * from stripe_idempotency.complete_idempotency_key(:second_key, null, 1, 204, 'null');

-- @check The stored response is the second owner's
select
    request.status = 'completed',
    request.response_status = 201,
    request.response_body = '{"id": 7}',
    request.attempt = 2
from stripe_idempotency.idempotency_keys as request
where request.idempotency_key = :key;
