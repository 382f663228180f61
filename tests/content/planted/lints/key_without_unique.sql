-- A request key can be entered twice.
drop index planted.entry_request_key_once;
