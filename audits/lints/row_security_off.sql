-- title:    Row level security is on for every table
-- severity: medium
-- property: access
-- detects:  owner_writes_balance
-- reads:    target_table
--
-- Where row level security is off, a single GRANT shows or gives every row to a role. Platforms that
-- put an API in front of the database grant widely and rely on it being on.

with unprotected as (
    select format('%s.%s', target_table.schema, target_table.name) as subject
    from target_table
    where not target_table.rls_enabled
)

select unprotected.subject
from unprotected
