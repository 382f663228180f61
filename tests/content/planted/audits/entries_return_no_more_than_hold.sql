-- Dan got 10 credits back, and half of them were written down.
update planted.hold
set returned = 5
where hold_id = 'hold-1';
