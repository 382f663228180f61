-- title:     A policy lets members write their balance as soon as anybody grants them the table
-- class:     owner_writes_balance
-- operation: add_workspace_credits
-- hurts:     the marketplace, with the next blanket grant of a platform or a migration
-- caught-by: lint owner_writes_balance
--
-- Today nobody granted members the right to write the table, so no call shows it.

create policy member_writes_own on lead_marketplace.workspace_credits for all to authenticated
using (
    workspace_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'workspace_id')::uuid)
);
