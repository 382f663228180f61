-- title:     The backend may read a balance, compute and write it back
-- class:     app_read_modify_write
-- operation: apply_wallet_transaction
-- hurts:     everybody whose money moves while the application computes: it overwrites what it has not seen
-- caught-by: contract only_the_backend_calls

grant update (balance, updated_at) on stripe_idempotency.wallets to service_role;

create policy backend_writes on stripe_idempotency.wallets for update to service_role using (true);
