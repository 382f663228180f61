-- title:     Whoever is signed in reads every wallet
-- class:     row_security_open
-- operation: apply_wallet_transaction
-- hurts:     everybody: who has how much is nobody else's business
-- caught-by: contract users_only_read_their_own

create policy signed_in_reads on stripe_idempotency.wallets for select to authenticated using (true);
