-- Ben bought, Ann paid.
update planted.purchase
set account_id = 'ben'
where purchase_id = 'by-credits';
