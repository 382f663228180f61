-- title:     A user may update their own profile, and the balance is a part of it
-- class:     owner_writes_balance
-- operation: reserve_credits
-- hurts:     the shop: a million credits for one UPDATE through the API
-- caught-by: lint owner_writes_balance, contract users_only_read_their_own, audit balance_equals_entries
--
-- Meant for a name or a picture. Neither the grant nor the policy says so.

grant update on credit_purchase.user_profiles to authenticated;

create policy user_updates_own on credit_purchase.user_profiles for update to authenticated
using (id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid));
