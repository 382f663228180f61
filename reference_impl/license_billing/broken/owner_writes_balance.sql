-- title:     The members of a tenant may update its licenses
-- class:     owner_writes_balance
-- operation: add_credits
-- hurts:     the vendor: a million credits, or a license that never expires, for one UPDATE through the API
-- caught-by: lint owner_writes_balance, contract members_only_read_their_own

grant update on license_billing.licenses to authenticated;

create policy member_writes_own on license_billing.licenses for update to authenticated
using (
    tenant_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'tenant_id')::uuid)
);
