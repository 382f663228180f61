-- title:     Everybody may call the function that credits a payment
-- class:     executable_by_anyone
-- operation: apply_credit_purchase
-- hurts:     the shop: only one line of the function is left between any signed-in user and free credits
-- caught-by: lint executable_by_anyone, contract only_the_backend_calls
--
-- What PostgreSQL does with every new function for which nobody revokes it.

grant execute on function credit_purchase.apply_credit_purchase(uuid, integer, uuid, text) to public;
