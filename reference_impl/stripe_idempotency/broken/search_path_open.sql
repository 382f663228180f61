-- title:     The caller's search_path decides what names mean inside the function
-- class:     search_path_open
-- operation: apply_wallet_transaction
-- hurts:     everybody: an operator or function of the same name, put in front, runs with the owner's rights
-- caught-by: lint search_path_open

alter function stripe_idempotency.apply_wallet_transaction(uuid, text, integer, text, text) reset search_path;
