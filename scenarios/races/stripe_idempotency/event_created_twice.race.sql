-- title:    One event is created twice at once, under one idempotency key
-- property: serial, replay
-- detects:  insert_where_not_exists, raw_unique_violation, unique_missing_on_key
-- expect:   exactly 2 ok in create_event
--
-- A call that only looks whether the key is there sees nothing of one that has not committed yet. The organizer gets
-- one event, and both calls return its id.

-- @values organizer uuid, key text

-- @setup
insert into stripe_idempotency.users (id) values (:organizer);

-- @session first_try
-- @call create_event
select * from stripe_idempotency.create_event(:organizer, 'Concert', '2030-05-01 20:00Z', :key);

-- @session second_try
-- @call create_event
select * from stripe_idempotency.create_event(:organizer, 'Concert', '2030-05-01 20:00Z', :key);
