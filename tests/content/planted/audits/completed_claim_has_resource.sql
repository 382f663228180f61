-- The answer was lost, and the operation was closed all the same.
insert into planted.claim (claim_id, status, stripe_key, resource_id, created_at, completed_at) values
('payout:1', 'completed', 'payout:1:d', null, now() - interval '1 hour', now());
