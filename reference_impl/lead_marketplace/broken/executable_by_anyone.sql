-- title:     Everybody may give themselves credits
-- class:     executable_by_anyone
-- operation: add_workspace_credits
-- hurts:     the marketplace: any signed-in user calls the function through the API
-- caught-by: lint executable_by_anyone, contract only_the_backend_calls
--
-- What PostgreSQL does with every new function for which nobody revokes it.

grant execute on function lead_marketplace.add_workspace_credits(uuid, numeric, text, uuid) to public;
