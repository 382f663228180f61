-- title:     Everybody may give themselves credits
-- class:     executable_by_anyone
-- operation: allocate_user_credits
-- hurts:     the platform: any signed-in user calls the function through the API
-- caught-by: lint executable_by_anyone, contract only_the_backend_calls
--
-- What PostgreSQL does with every new function for which nobody revokes it.

grant execute on function peer_booking.allocate_user_credits(uuid, integer, text, text) to public;
