-- title:     Everybody may put money into their wallet
-- class:     executable_by_anyone
-- operation: apply_wallet_transaction
-- hurts:     the shop: any signed-in user calls the function through the API
-- caught-by: lint executable_by_anyone, contract only_the_backend_calls
--
-- What PostgreSQL does with every new function for which nobody revokes it.

grant execute on function stripe_idempotency.apply_wallet_transaction(uuid, text, integer, text, text) to public;
