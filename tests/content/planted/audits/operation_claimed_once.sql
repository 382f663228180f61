-- A second job claimed the checkout that is under way, with a key of its own.
insert into planted.claim (claim_id, status, stripe_key, resource_id, created_at, completed_at) values
('checkout:2', 'in_progress', 'checkout:2:d', null, now(), null);
