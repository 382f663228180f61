-- title:     The members of a workspace may update its balance
-- class:     owner_writes_balance
-- operation: add_workspace_credits
-- hurts:     the marketplace: a million credits for one UPDATE through the API
-- caught-by: lint owner_writes_balance, contract members_only_read_their_own, audit balance_equals_entries

grant update on lead_marketplace.workspace_credits to authenticated;

create policy member_writes_own on lead_marketplace.workspace_credits for update to authenticated
using (
    workspace_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'workspace_id')::uuid)
);
