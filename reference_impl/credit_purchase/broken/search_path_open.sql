-- title:     The caller's search_path decides what names mean inside the function
-- class:     search_path_open
-- operation: apply_credit_purchase
-- hurts:     everybody: an operator or function of the same name, put in front, runs with the owner's rights
-- caught-by: lint search_path_open
--
-- This function names every schema, which the next change of it may forget; operators are hardly ever written with
-- theirs.

alter function credit_purchase.apply_credit_purchase(uuid, integer, uuid, text) reset search_path;
