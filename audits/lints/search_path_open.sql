-- title:    Every SECURITY DEFINER function has a search_path that its callers can't change
-- severity: high
-- property: access
-- detects:  search_path_open
-- reads:    target_function
--
-- Names without a schema are looked up along the search_path. If the function doesn't set its own,
-- the caller chooses which table or function a name means, and that choice runs with the owner's
-- rights. A path is open too if it has "$user" in it, or a schema in which everybody may create.

with path as (
    select
        target_function.oid,
        target_function.signature,
        substr(setting.value, length('search_path=') + 1) as search_path
    from target_function
    left join lateral unnest(target_function.config) as setting (value)
        on setting.value like 'search\_path=%'
    where target_function.security_definer
),

checked as (
    select
        path.signature,
        path.search_path,
        case
            when path.search_path is null then 'not set'
            when path.search_path ~ '\$user' then 'depends on the caller'
            when exists (
                select 1
                from regexp_split_to_table(path.search_path, '\s*,\s*') as step (schema_name)
                inner join pg_catalog.pg_namespace on btrim(step.schema_name, ' "') = pg_namespace.nspname
                cross join aclexplode(pg_namespace.nspacl) as permit
                left join pg_catalog.pg_roles on permit.grantee = pg_roles.oid
                where
                    permit.privilege_type = 'CREATE'
                    and (permit.grantee = 0 or pg_roles.rolname in ('anon', 'authenticated'))
            ) then 'has a schema in which everybody may create'
        end as reason
    from path
)

select
    checked.signature as subject,
    checked.search_path,
    checked.reason
from checked
where checked.reason is not null
