-- title:    No ordinary role can execute a SECURITY DEFINER function that may change data
-- severity: critical
-- property: access
-- detects:  executable_by_anyone
-- reads:    target_function
--
-- PostgreSQL lets everybody execute a new function until that is revoked, and a SECURITY DEFINER
-- function then acts with its owner's rights for whoever calls it. Ordinary roles are PUBLIC, anon
-- and authenticated. A grant to authenticated alone is accepted if the body asks who is calling.
-- Left out are trigger functions, which can't be called, and STABLE and IMMUTABLE functions, which
-- can't write. A function without SECURITY DEFINER gives callers no more than their own rights;
-- owner_writes_balance speaks of those.

with reach as (
    select
        target_function.oid,
        target_function.signature,
        case permit.grantee when 0 then 'PUBLIC' else pg_roles.rolname end as role_name,
        -- Without comments and strings.
        regexp_replace(
            coalesce(nullif(target_function.body, ''), pg_get_function_sqlbody(target_function.oid), ''),
            '("[^"]*")|''([^'']|'''')*''|--[^\n]*|/\*([^*]|\*+[^*/])*\*+/', '\1 ', 'g'
        ) as body
    from target_function
    inner join pg_catalog.pg_proc on target_function.oid = pg_proc.oid
    -- No access list at all means the default one, in which PUBLIC may execute.
    cross join aclexplode(coalesce(target_function.acl, acldefault('f', target_function.owner))) as permit
    left join pg_catalog.pg_roles on permit.grantee = pg_roles.oid
    where
        target_function.security_definer
        and permit.privilege_type = 'EXECUTE'
        and permit.grantee <> target_function.owner
        and (permit.grantee = 0 or pg_roles.rolname in ('anon', 'authenticated'))
        and pg_proc.provolatile = 'v'
        and pg_proc.prorettype not in (
            'pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype
        )
)

select
    reach.signature as subject,
    string_agg(reach.role_name, ', ' order by reach.role_name asc) as executable_by
from reach
where
    reach.role_name <> 'authenticated'
    or reach.body
    !~* '\mauth"?\s*\.\s*"?(uid|role|jwt|email)\M|\m(current_setting|session_user|current_user|current_role)\M'
group by reach.oid, reach.signature
