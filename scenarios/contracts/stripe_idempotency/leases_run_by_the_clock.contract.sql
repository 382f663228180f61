-- title:    A lease begins when it is granted, not when the transaction began
-- property: state
-- detects:  lease_from_transaction_start
--
-- A claim may have to wait for another one's lock. If the wait counted, a lease could be over before
-- its owner hears of it, and the next caller would be at Stripe at the same time.

-- @values operation text, request text, event text

-- @expect ok claim=true
select claim.lease_expires_at > now() + interval '1.2 seconds' as claim
from (select pg_sleep(0.2)::text as nothing) as wait
cross join lateral stripe_idempotency.claim_stripe_idempotency(
    'payout:create', :operation, 'sha-1' || wait.nothing, 1
) as claim;

-- @expect ok request=true
select claim.lease_expires_at > now() + interval '1.2 seconds' as request
from (select pg_sleep(0.2)::text as nothing) as wait
cross join lateral stripe_idempotency.claim_idempotency_key(:request, 'sha-1' || wait.nothing, null, 1) as claim;

-- @expect ok event=true
select claim.lease_expires_at > now() + interval '1.2 seconds' as event
from (select pg_sleep(0.2)::text as nothing) as wait
cross join lateral stripe_idempotency.begin_stripe_webhook_event(:event, 'charge.refunded' || wait.nothing, 1) as claim;
