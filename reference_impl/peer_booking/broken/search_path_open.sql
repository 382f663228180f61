-- title:     The caller's search_path decides what names mean inside the function
-- class:     search_path_open
-- operation: update_credit_balance
-- hurts:     everybody: an operator or function of the same name, put in front, runs with the owner's rights
-- caught-by: lint search_path_open

alter function peer_booking.update_credit_balance(uuid, integer, text, text, uuid, text) reset search_path;
