-- The trigger no longer forbids what service_role is allowed to do.
drop trigger entry_is_append_only on planted.entry;
