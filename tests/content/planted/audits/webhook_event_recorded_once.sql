-- Two deliveries at once both found the event new; neither is done.
insert into planted.webhook_event (event_id, status, effect) values
('evt_3', 'received', null);
