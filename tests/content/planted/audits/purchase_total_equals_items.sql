-- The pending purchase asks for one credit less than its item costs.
update planted.purchase
set amount = 24
where purchase_id = 'pending';
