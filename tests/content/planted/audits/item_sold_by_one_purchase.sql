-- Two completed purchases hold the first item, which was counted as sold only once.
insert into planted.purchase_item (purchase_id, item_id, price, sold) values
('by-card', 'item-1', 0, true);
