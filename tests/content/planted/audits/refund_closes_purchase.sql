-- Ben's purchase was given back in full and stands as completed.
update planted.purchase
set status = 'completed'
where purchase_id = 'refunded';
