-- Sixteen were agreed, fifteen went over.
update planted.transfer
set amount = 16
where transfer_id = 'transfer-1';
