-- The handler sent its mail, noted so, and failed before it marked the event.
update planted.webhook_event
set effect = 'mail-1'
where event_id = 'evt_3';
