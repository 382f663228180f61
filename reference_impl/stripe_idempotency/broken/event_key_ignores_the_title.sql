-- title:     A used key returns its event, whatever was to be created
-- class:     key_reused_for_other_arguments
-- operation: create_event
-- hurts:     the organizer, who is shown a concert and wanted a festival
-- caught-by: contract event_created_once
-- changes:   functions/create_event.sql

-- @instead of
        if (v_event.organizer_id, v_event.title, v_event.starts_at) <> (p_organizer_id, p_title, p_starts_at) then
-- @write
        if (v_event.organizer_id, v_event.starts_at) <> (p_organizer_id, p_starts_at) then
