-- title:    Only the backend calls the functions, and it writes through nothing else
-- property: access
-- detects:  executable_by_anyone, app_read_modify_write
--
-- The functions run with their owner's rights, so whoever may execute one may do what it does. A new
-- function can be executed by everybody until that is revoked. The backend's own role reads the
-- tables and changes them through the functions alone.

-- @values user uuid, operation text, key text, event text
-- @setup
insert into stripe_idempotency.users (id) values (:user);
select stripe_idempotency.claim_stripe_idempotency('payout:create', :operation, 'sha-1', 60);

-- @as anon
-- @call check_stripe_idempotency
-- @expect error 42501 permission denied for schema stripe_idempotency
select * from stripe_idempotency.check_stripe_idempotency('payout:create', :operation);
-- @call claim_stripe_idempotency
-- @expect error 42501 permission denied for schema stripe_idempotency
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :operation, 'sha-2', 60);
-- @call record_stripe_idempotency
-- @expect error 42501 permission denied for schema stripe_idempotency
select * from stripe_idempotency.record_stripe_idempotency('payout:create', :operation, 'mine', 'po_2');
-- @call fail_stripe_idempotency
-- @expect error 42501 permission denied for schema stripe_idempotency
select * from stripe_idempotency.fail_stripe_idempotency('payout:create', :operation, 1, 'no');
-- @call release_stripe_idempotency
-- @expect error 42501 permission denied for schema stripe_idempotency
select * from stripe_idempotency.release_stripe_idempotency('payout:create', :operation, 1);
-- @call claim_idempotency_key
-- @expect error 42501 permission denied for schema stripe_idempotency
select * from stripe_idempotency.claim_idempotency_key(:key, 'sha-1', :user);
-- @call complete_idempotency_key
-- @expect error 42501 permission denied for schema stripe_idempotency
select * from stripe_idempotency.complete_idempotency_key(:key, :user, 1, 200, '{}');
-- @call begin_stripe_webhook_event
-- @expect error 42501 permission denied for schema stripe_idempotency
select * from stripe_idempotency.begin_stripe_webhook_event(:event, 'ping');
-- @call finish_stripe_webhook_event
-- @expect error 42501 permission denied for schema stripe_idempotency
select * from stripe_idempotency.finish_stripe_webhook_event(:event, 1);
-- @call apply_stripe_wallet_event
-- @expect error 42501 permission denied for schema stripe_idempotency
select * from stripe_idempotency.apply_stripe_wallet_event(:event, 'payment_intent.succeeded', :user, 100);
-- @call apply_wallet_transaction
-- @expect error 42501 permission denied for schema stripe_idempotency
select * from stripe_idempotency.apply_wallet_transaction(:user, 'credit', 100, 'a gift to myself');
-- @call create_event
-- @expect error 42501 permission denied for schema stripe_idempotency
select * from stripe_idempotency.create_event(:user, 'Concert', '2030-05-01 20:00Z');

-- @as authenticated
-- @call check_stripe_idempotency
-- @expect error 42501 permission denied for function check_stripe_idempotency
select * from stripe_idempotency.check_stripe_idempotency('payout:create', :operation);
-- @call claim_stripe_idempotency
-- @expect error 42501 permission denied for function claim_stripe_idempotency
select * from stripe_idempotency.claim_stripe_idempotency('payout:create', :operation, 'sha-2', 60);
-- @call record_stripe_idempotency
-- @expect error 42501 permission denied for function record_stripe_idempotency
select * from stripe_idempotency.record_stripe_idempotency('payout:create', :operation, 'mine', 'po_2');
-- @call fail_stripe_idempotency
-- @expect error 42501 permission denied for function fail_stripe_idempotency
select * from stripe_idempotency.fail_stripe_idempotency('payout:create', :operation, 1, 'no');
-- @call release_stripe_idempotency
-- @expect error 42501 permission denied for function release_stripe_idempotency
select * from stripe_idempotency.release_stripe_idempotency('payout:create', :operation, 1);
-- @call claim_idempotency_key
-- @expect error 42501 permission denied for function claim_idempotency_key
select * from stripe_idempotency.claim_idempotency_key(:key, 'sha-1', :user);
-- @call complete_idempotency_key
-- @expect error 42501 permission denied for function complete_idempotency_key
select * from stripe_idempotency.complete_idempotency_key(:key, :user, 1, 200, '{}');
-- @call begin_stripe_webhook_event
-- @expect error 42501 permission denied for function begin_stripe_webhook_event
select * from stripe_idempotency.begin_stripe_webhook_event(:event, 'ping');
-- @call finish_stripe_webhook_event
-- @expect error 42501 permission denied for function finish_stripe_webhook_event
select * from stripe_idempotency.finish_stripe_webhook_event(:event, 1);
-- @call apply_stripe_wallet_event
-- @expect error 42501 permission denied for function apply_stripe_wallet_event
select * from stripe_idempotency.apply_stripe_wallet_event(:event, 'payment_intent.succeeded', :user, 100);
-- @call apply_wallet_transaction
-- @expect error 42501 permission denied for function apply_wallet_transaction
select * from stripe_idempotency.apply_wallet_transaction(:user, 'credit', 100, 'a gift to myself');
-- @call create_event
-- @expect error 42501 permission denied for function create_event
select * from stripe_idempotency.create_event(:user, 'Concert', '2030-05-01 20:00Z');
-- @expect error 42501 permission denied for function post_wallet_transaction
select stripe_idempotency.post_wallet_transaction(:user, 100, 'credit', 'gift');
-- @expect error 42501 permission denied for function lock_claim
select stripe_idempotency.lock_claim('payout:create', :operation, 1);

-- @as service_role
-- @expect error 42501 permission denied for function post_wallet_transaction
select stripe_idempotency.post_wallet_transaction(:user, 100, 'credit', 'gift');
-- @expect error 42501 permission denied for function lock_claim
select stripe_idempotency.lock_claim('payout:create', :operation, 1);
-- @expect error 42501 permission denied for table wallets
insert into stripe_idempotency.wallets (user_id, balance) values (:user, 100);
-- @expect error 42501 permission denied for table wallets
update stripe_idempotency.wallets set balance = 100 where user_id = :user;
-- @expect error 42501 permission denied for table wallet_transactions
delete from stripe_idempotency.wallet_transactions where user_id = :user;
-- @expect error 42501 permission denied for table stripe_idempotency_keys
update stripe_idempotency.stripe_idempotency_keys set attempt = 7 where operation_id = :operation;
-- @expect error 42501 permission denied for table stripe_idempotency_keys
delete from stripe_idempotency.stripe_idempotency_keys where operation_id = :operation;
-- @expect error 42501 permission denied for table idempotency_keys
delete from stripe_idempotency.idempotency_keys where idempotency_key = :key;
-- @expect error 42501 permission denied for table stripe_webhook_events
delete from stripe_idempotency.stripe_webhook_events where event_id = :event;
-- @expect error 42501 permission denied for table events
update stripe_idempotency.events set title = 'mine';
-- @expect error 42501 permission denied for table users
insert into stripe_idempotency.users default values;

-- @check Nothing of this changed anything
select
    claim.attempt = 1 and claim.status = 'in_progress',
    not exists (select 1 from stripe_idempotency.wallets as wallet where wallet.user_id = :user),
    not exists (select 1 from stripe_idempotency.stripe_webhook_events as event where event.event_id = :event),
    not exists (select 1 from stripe_idempotency.idempotency_keys as request where request.idempotency_key = :key)
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id = :operation;

-- It may read what it wrote.
-- @as service_role
-- @expect ok claims=1
select count(*) as claims
from stripe_idempotency.stripe_idempotency_keys as claim
where claim.operation_id = :operation;
