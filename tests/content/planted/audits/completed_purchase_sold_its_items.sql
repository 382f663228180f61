-- Ann's purchase by card is completed and its item was not sold.
update planted.purchase_item
set sold = false
where purchase_id = 'by-card';
update planted.item
set
    status = 'available',
    sold_count = 0,
    sold_at = null
where item_id = 'item-4';
