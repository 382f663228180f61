-- Of 24 credits 15 were used and 10 came back.
update planted.hold
set amount = 24
where hold_id = 'hold-1';
