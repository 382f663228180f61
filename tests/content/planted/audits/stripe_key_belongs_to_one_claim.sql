-- The key was made of the day alone, and another checkout had it already.
insert into planted.claim (claim_id, status, stripe_key, resource_id, created_at, completed_at) values
('checkout:3', 'completed', 'checkout:1:a', 'cs_1', now() - interval '1 hour', now());
