-- title:    Two callers claim an operation, call Stripe and record what it made, step by step
-- property: serial, replay
-- detects:  lock_split_across_calls, check_then_act, insert_where_not_exists
-- expect:   exactly 0 refused in record_stripe_idempotency
-- expect:   exactly 0 error
--
-- A button pressed twice, or a job started on two machines. Each step is a transaction of its own. Between claim and
-- record, whoever was told to goes to Stripe and has something made there; the others go home. A record that is
-- refused means that two were told to: a second resource is at Stripe, and nobody here knows it.

-- @values user uuid, operation text

-- @setup
insert into stripe_idempotency.users (id) values (:user);

-- @session first_caller
-- @call claim_stripe_idempotency
-- @let first_key
select
    case claim.outcome when 'claimed' then claim.stripe_idempotency_key end as key_to_call_with,
    claim.outcome,
    claim.stripe_resource_id
from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', 60, :user) as claim;
-- @call record_stripe_idempotency
select stripe_idempotency.record_stripe_idempotency('checkout:create', :operation, sent.stripe_key, 'cs_1', :user)
from (values (:first_key)) as sent (stripe_key)
where sent.stripe_key is not null;

-- @session second_caller
-- @call claim_stripe_idempotency
-- @let second_key
select
    case claim.outcome when 'claimed' then claim.stripe_idempotency_key end as key_to_call_with,
    claim.outcome,
    claim.stripe_resource_id
from stripe_idempotency.claim_stripe_idempotency('checkout:create', :operation, 'sha-1', 60, :user) as claim;
-- @call record_stripe_idempotency
select stripe_idempotency.record_stripe_idempotency('checkout:create', :operation, sent.stripe_key, 'cs_2', :user)
from (values (:second_key)) as sent (stripe_key)
where sent.stripe_key is not null;
