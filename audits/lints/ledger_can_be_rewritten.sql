-- title:    Nobody but its owner may change or remove entries
-- severity: high
-- property: ledger
-- detects:  no_ledger_entry
-- reads:    ledger
--
-- The entries are the evidence for everything else, and only evidence as long as they can't be
-- changed afterwards. A right to update, delete or truncate the ledger is accepted only where an
-- unconditional trigger or rule refuses just that for everybody.

with held as (
    select
        ledger.table_oid,
        pg_class.relowner as owned_by,
        permit.grantee,
        permit.privilege_type as privilege
    from ledger
    inner join pg_catalog.pg_class on ledger.table_oid = pg_class.oid
    cross join aclexplode(pg_class.relacl) as permit
    union distinct
    select
        ledger.table_oid,
        pg_class.relowner as owned_by,
        permit.grantee,
        permit.privilege_type as privilege
    from ledger
    inner join pg_catalog.pg_class on ledger.table_oid = pg_class.oid
    inner join pg_catalog.pg_attribute on ledger.table_oid = pg_attribute.attrelid
    cross join aclexplode(pg_attribute.attacl) as permit
),

change as (
    select
        known.privilege,
        known.trigger_bit,
        known.rule_letter
    from (
        values ('DELETE', 8, '4'), ('UPDATE', 16, '2'), ('TRUNCATE', 32, null)
    ) as known (privilege, trigger_bit, rule_letter)
),

refused as (
    select
        pg_trigger.tgrelid as table_oid,
        change.privilege
    from pg_catalog.pg_trigger
    inner join pg_catalog.pg_proc on pg_trigger.tgfoid = pg_proc.oid
    inner join change on (pg_trigger.tgtype::integer & change.trigger_bit) <> 0
    where
        not pg_trigger.tgisinternal
        and pg_trigger.tgenabled in ('O', 'A')
        and pg_trigger.tgqual is null
        and cardinality(pg_trigger.tgattr::smallint[]) = 0
        and (
            pg_proc.prosrc ~* '\mraise\s+(?!\s*(debug|log|info|notice|warning)\M)'
            -- Returning null skips the row, before it is touched.
            or (
                (pg_trigger.tgtype::integer & 3) = 3
                and pg_proc.prosrc ~* '\mreturn\s+null\M'
                and pg_proc.prosrc !~* '\mreturn\s+(new|old)\M'
            )
        )
    union distinct
    select
        pg_rewrite.ev_class as table_oid,
        change.privilege
    from pg_catalog.pg_rewrite
    inner join change on pg_rewrite.ev_type::text = change.rule_letter
    where
        pg_rewrite.is_instead
        and pg_rewrite.ev_enabled in ('O', 'A')
        and pg_rewrite.ev_qual::text = '<>'
),

open_to as (
    select
        held.privilege,
        format('%s.%s', ledger.schema, ledger.table_name) as subject,
        case held.grantee when 0 then 'PUBLIC' else pg_roles.rolname::text end as role_name
    from held
    inner join ledger on held.table_oid = ledger.table_oid
    inner join change on held.privilege = change.privilege
    left join pg_catalog.pg_roles on held.grantee = pg_roles.oid
    where
        held.grantee <> held.owned_by
        and not coalesce(pg_roles.rolsuper, false)
        and not exists (
            select 1
            from refused
            where
                refused.table_oid = held.table_oid
                and refused.privilege = held.privilege
        )
)

select
    open_to.subject,
    open_to.role_name,
    string_agg(open_to.privilege, ', ' order by open_to.privilege asc) as may
from open_to
group by open_to.subject, open_to.role_name
