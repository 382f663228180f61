-- Ann got 30 credits and no entry says so.
update planted.account
set balance = balance + 30
where account_id = 'ann';
