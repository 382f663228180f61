-- Dan is said to have got 15 credits back. It was 10.
update planted.hold
set settled = 10, returned = 15
where hold_id = 'hold-1';
