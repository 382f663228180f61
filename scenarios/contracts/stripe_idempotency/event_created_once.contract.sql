-- title:    An event with an idempotency key is created once
-- property: replay, input
-- detects:  not_idempotent, key_reused_for_other_arguments, raw_unique_violation
--
-- An organizer who presses the button twice gets one event. The same key for another event is a
-- mistake of the client, and refused.

-- @values organizer uuid, other uuid, unknown uuid, key text
-- @setup
insert into stripe_idempotency.users (id) values (:organizer), (:other);

-- @call create_event
-- @expect refused P0001 Title is missing
select stripe_idempotency.create_event(null, null, null, '');
-- @call create_event
-- @expect refused P0001 Title is missing
select stripe_idempotency.create_event(:organizer, ' ', null, :key);
-- @call create_event
-- @expect refused P0001 Invalid start: <NULL>
select stripe_idempotency.create_event(:unknown, 'Concert', null, '');
-- @call create_event
-- @expect refused P0001 Invalid start: infinity
select stripe_idempotency.create_event(:organizer, 'Concert', 'infinity', :key);
-- @call create_event
-- @expect refused P0001 Invalid idempotency key: two words
select stripe_idempotency.create_event(:unknown, 'Concert', '2030-05-01 20:00Z', 'two words');
-- @call create_event
-- @expect refused P0001 User not found: *-*
select stripe_idempotency.create_event(:unknown, 'Concert', '2030-05-01 20:00Z', :key);

-- @call create_event
-- @expect ok
select stripe_idempotency.create_event(:organizer, 'Concert', '2030-05-01 20:00Z', :key);
-- @let event
select event.id
from stripe_idempotency.events as event
where event.idempotency_key = :key;
-- @call create_event
-- @expect ok again=true
select stripe_idempotency.create_event(:organizer, 'Concert', '2030-05-01 22:00+02', :key) = :event as again;
-- @call create_event
-- @expect ok again=false
select stripe_idempotency.create_event(:organizer, 'Concert', '2030-05-01 20:00Z') = :event as again;

-- @call create_event
-- @expect refused P0001 Idempotency key was used with other arguments: key-*
select stripe_idempotency.create_event(:other, 'Concert', '2030-05-01 20:00Z', :key);
-- @call create_event
-- @expect refused P0001 Idempotency key was used with other arguments: key-*
select stripe_idempotency.create_event(:organizer, 'Festival', '2030-05-01 20:00Z', :key);
-- @call create_event
-- @expect refused P0001 Idempotency key was used with other arguments: key-*
select stripe_idempotency.create_event(:organizer, 'Concert', '2030-05-02 20:00Z', :key);

-- @check There are two concerts, one of them under the key
select
    count(*) = 2,
    count(*) filter (where event.idempotency_key = :key and event.id = :event) = 1
from stripe_idempotency.events as event
where event.organizer_id in (:organizer, :other);
