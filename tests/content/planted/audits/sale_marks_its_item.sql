-- An item that Ann bought is on offer again.
update planted.item
set
    status = 'available',
    sold_count = 0,
    sold_at = null
where item_id = 'item-4';
