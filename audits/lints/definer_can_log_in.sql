-- title:    The owner of a SECURITY DEFINER function is neither a superuser nor able to log in
-- severity: medium
-- property: access
-- detects:  executable_by_anyone, search_path_open
-- reads:    target_function
--
-- Such a function acts with all of its owner's rights. Owned by a superuser, a mistake in it opens
-- the whole server; owned by a role that logs in, its rights can be had without calling it at all.
-- A role that owns the credit tables and nothing else, and can't log in, gives away the least.

select
    target_function.signature as subject,
    pg_roles.rolname as owned_by,
    pg_roles.rolsuper as has_superuser,
    pg_roles.rolcanlogin as can_log_in
from target_function
inner join pg_catalog.pg_roles on target_function.owner = pg_roles.oid
where
    target_function.security_definer
    and (pg_roles.rolsuper or pg_roles.rolcanlogin)
