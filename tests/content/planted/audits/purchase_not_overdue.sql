-- A purchase that should have expired the day before yesterday is still pending.
update planted.purchase
set expires_at = now() - interval '2 days'
where purchase_id = 'pending';
