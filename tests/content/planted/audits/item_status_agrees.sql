-- An item on offer has a time of sale.
update planted.item
set sold_at = now()
where item_id = 'item-7';
