-- title:    No ordinary role can write a balance
-- severity: critical
-- property: access
-- detects:  owner_writes_balance
-- reads:    balance
--
-- A policy such as "users update their own row" is meant for a name or a picture, and lets every
-- user write the balance in that row. Looked at are updates and inserts by PUBLIC, anon and
-- authenticated: by a privilege where row level security is off, by a policy where it is on. A
-- policy without any such privilege counts too, since it waits for one; if the privileges leave the
-- balance column out, it doesn't. Policies that ask for service_role are not open to others.

with ordinary as (
    select
        0::oid as role_oid,
        'public'::name as role_name
    union all
    select
        pg_roles.oid as role_oid,
        pg_roles.rolname as role_name
    from pg_catalog.pg_roles
    where
        pg_roles.rolname in ('anon', 'authenticated')
        and not pg_roles.rolsuper
        and not pg_roles.rolbypassrls
),

writing as (
    select
        known.letter,
        known.privilege
    from (
        values ('w', 'UPDATE'), ('a', 'INSERT')
    ) as known (letter, privilege)
),

attempt as (
    select
        balance.table_oid,
        balance.schema,
        balance.table_name,
        balance.column_name,
        ordinary.role_oid,
        ordinary.role_name,
        writing.letter,
        writing.privilege,
        pg_class.relrowsecurity as rls_enabled,
        has_column_privilege(
            ordinary.role_name, balance.table_oid, balance.column_name, writing.privilege
        ) as is_granted,
        has_any_column_privilege(
            ordinary.role_name, balance.table_oid, 'UPDATE, INSERT'
        ) as something_is_granted
    from balance
    inner join pg_catalog.pg_class on balance.table_oid = pg_class.oid
    cross join ordinary
    cross join writing
),

-- A policy's conditions as text: which rows may be touched, and how they may look afterwards.
policy as (
    select
        pg_policy.polrelid as table_oid,
        pg_policy.polname as policy_name,
        pg_policy.polpermissive as permits,
        pg_policy.polcmd::text as letter,
        pg_policy.polroles as role_oids,
        case
            when pg_policy.polcmd = 'a' then 'true'
            else coalesce(pg_get_expr(pg_policy.polqual, pg_policy.polrelid), 'false')
        end as row_condition,
        coalesce(
            pg_get_expr(pg_policy.polwithcheck, pg_policy.polrelid),
            pg_get_expr(pg_policy.polqual, pg_policy.polrelid),
            'false'
        ) as new_row_condition
    from pg_catalog.pg_policy
),

rated_policy as (
    select
        policy.table_oid,
        policy.policy_name,
        policy.permits,
        policy.letter,
        policy.role_oids,
        'false' in (policy.row_condition, policy.new_row_condition) as is_closed,
        (
            concat(policy.row_condition, policy.new_row_condition) ~ '''service_role'''
            and concat(policy.row_condition, policy.new_row_condition) !~* '\mor\M'
        ) as is_for_backend
    from policy
),

through_policy as (
    select
        attempt.table_oid,
        attempt.role_name,
        attempt.privilege,
        string_agg(rated_policy.policy_name, ', ' order by rated_policy.policy_name asc) as policies
    from attempt
    inner join rated_policy
        on
            attempt.table_oid = rated_policy.table_oid
            and rated_policy.letter in (attempt.letter, '*')
    where
        exists (
            select 1
            from unnest(rated_policy.role_oids) as named (role_oid)
            where
                named.role_oid in (0, attempt.role_oid)
                or (attempt.role_oid <> 0 and pg_has_role(attempt.role_oid, named.role_oid, 'USAGE'))
        )
        and (not rated_policy.permits or not (rated_policy.is_closed or rated_policy.is_for_backend))
    group by attempt.table_oid, attempt.role_name, attempt.privilege
    having
        bool_or(rated_policy.permits)
        and not coalesce(bool_or(rated_policy.is_closed) filter (where not rated_policy.permits), false)
),

writable as (
    select
        attempt.role_name,
        attempt.rls_enabled,
        attempt.privilege,
        attempt.is_granted,
        through_policy.policies,
        format('%s.%s.%s', attempt.schema, attempt.table_name, attempt.column_name) as subject
    from attempt
    left join through_policy
        on
            attempt.table_oid = through_policy.table_oid
            and attempt.role_name = through_policy.role_name
            and attempt.privilege = through_policy.privilege
    where
        (not attempt.rls_enabled and attempt.is_granted)
        or (
            attempt.rls_enabled
            and through_policy.policies is not null
            and (attempt.is_granted or not attempt.something_is_granted)
        )
)

select
    writable.subject,
    writable.role_name,
    writable.rls_enabled,
    string_agg(writable.privilege, ', ' order by writable.privilege asc) as can_do,
    bool_or(writable.is_granted) as is_granted,
    max(writable.policies) as policies
from writable
group by writable.subject, writable.role_name, writable.rls_enabled
