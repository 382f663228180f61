-- title:     A user may update the user's own balance
-- class:     owner_writes_balance
-- operation: apply_wallet_transaction
-- hurts:     the shop: a million for one UPDATE through the API
-- caught-by: lint owner_writes_balance, contract users_only_read_their_own, audit balance_equals_entries

grant update on stripe_idempotency.wallets to authenticated;

create policy user_writes_own on stripe_idempotency.wallets for update to authenticated
using (user_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid));
