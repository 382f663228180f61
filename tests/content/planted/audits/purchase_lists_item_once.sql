-- The pending purchase lists its only item twice, at half the price each.
update planted.purchase_item
set price = 12.5
where purchase_id = 'pending';
insert into planted.purchase_item (purchase_id, item_id, price, sold) values
('pending', 'item-5', 12.5, false);
