-- A late error was written over the record of the refund.
update planted.claim
set resource_id = 're_1'
where claim_id = 'refund:1';
