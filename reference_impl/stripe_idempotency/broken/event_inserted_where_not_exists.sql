-- title:           An event is inserted where its key does not exist yet, in one statement
-- class:           insert_where_not_exists
-- operation:       create_event
-- hurts:           the organizer: the event is there twice; with the index, the second call fails raw
-- caught-by:       race event_created_twice
-- unmask:          alter table stripe_idempotency.events drop constraint event_key_once
-- caught-unmasked: race event_created_twice,
--                  lint key_without_unique
-- changes:         functions/create_event.sql
--
-- One statement looks safe. It sees only what has committed, so two of them that overlap both find no such key, however
-- short they are.

-- @instead of
    values (p_organizer_id, p_title, p_starts_at, p_idempotency_key)
    on conflict (idempotency_key) do nothing
-- @write
    select p_organizer_id, p_title, p_starts_at, p_idempotency_key
    where not exists (
        select 1 from stripe_idempotency.events as earlier where earlier.idempotency_key = p_idempotency_key
    )
