-- The first item was counted as sold once more.
update planted.item
set sold_count = 2
where item_id = 'item-1';
