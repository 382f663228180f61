-- An item stands in a purchase that doesn't exist.
insert into planted.purchase_item (purchase_id, item_id, price, sold) values
('gone', 'item-7', 5, false);
