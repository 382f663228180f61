-- The second event found the wallet's movement of the first one and took it for its own.
update planted.webhook_event
set effect = 'wallet-1'
where event_id = 'evt_2';
