-- A completed purchase was set back to pending.
update planted.purchase
set completed_at = now()
where purchase_id = 'pending';
