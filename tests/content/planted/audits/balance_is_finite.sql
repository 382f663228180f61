-- Cat's balance became NaN, which no amount exceeds.
update planted.account
set balance = 'NaN'
where account_id = 'cat';
