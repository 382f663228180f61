-- A claim was written down before its key was drawn.
insert into planted.claim (claim_id, status, stripe_key, resource_id, created_at, completed_at) values
('payout:1', 'in_progress', null, null, now(), null);
