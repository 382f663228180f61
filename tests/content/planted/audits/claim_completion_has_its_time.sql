-- A completed checkout was set back to "in progress", and only its status and resource were.
update planted.claim
set completed_at = now() - interval '1 minute'
where claim_id = 'checkout:2';
