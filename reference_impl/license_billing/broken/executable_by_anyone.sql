-- title:     Everybody may give themselves credits
-- class:     executable_by_anyone
-- operation: add_credits
-- hurts:     the vendor: any signed-in user calls the function through the API
-- caught-by: lint executable_by_anyone, contract only_the_backend_calls
--
-- What PostgreSQL does with every new function for which nobody revokes it.

grant execute on function license_billing.add_credits(text, integer, uuid) to public;
