-- Ann's purchase says that it was refunded, and nothing was given back.
update planted.purchase
set status = 'refunded'
where purchase_id = 'by-credits';
