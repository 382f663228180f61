-- The purchase that came too late hands over the item all the same.
update planted.purchase_item
set sold = true
where purchase_id = 'too-late';
