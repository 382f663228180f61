-- title:     Users may update their own balance
-- class:     owner_writes_balance
-- operation: update_credit_balance
-- hurts:     the platform: a million credits for one UPDATE through the API
-- caught-by: lint owner_writes_balance, contract users_only_read_their_own, audit balance_equals_entries

grant update on peer_booking.credits to authenticated;

create policy user_writes_own on peer_booking.credits for update to authenticated
using (user_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid));
