-- title:    A constraint forbids a balance below zero
-- severity: high
-- property: state
-- detects:  balance_unchecked
-- reads:    balance
--
-- Functions come and go, and somebody can always write to the table directly. A check on the
-- column, or on its domain, holds whatever they do. It counts if it is enforced and compares the
-- column with zero (or "> -1" for a column of whole numbers) without an alternative that lets a
-- negative balance through.

with recursive domains as (
    select
        pg_attribute.attrelid as table_oid,
        pg_attribute.attname as column_name,
        pg_attribute.atttypid as type_oid
    from balance
    inner join pg_catalog.pg_attribute
        on
            balance.table_oid = pg_attribute.attrelid
            and balance.column_name = pg_attribute.attname
    union all
    select
        domains.table_oid,
        domains.column_name,
        pg_type.typbasetype as type_oid
    from domains
    inner join pg_catalog.pg_type on domains.type_oid = pg_type.oid
    where pg_type.typtype = 'd'
),

definition as (
    select
        balance.table_oid,
        balance.column_name as checked_name,
        pg_catalog.pg_get_constraintdef(pg_constraint.oid) as wording
    from balance
    inner join pg_catalog.pg_constraint on balance.table_oid = pg_constraint.conrelid
    where
        pg_constraint.contype = 'c'
        -- NOT ENFORCED exists from PostgreSQL 18 on.
        and coalesce(to_jsonb(pg_constraint) ->> 'conenforced', 'true') = 'true'
    union all
    select
        domains.table_oid,
        'value' as checked_name,
        pg_catalog.pg_get_constraintdef(pg_constraint.oid) as wording
    from domains
    inner join pg_catalog.pg_constraint on domains.type_oid = pg_constraint.contypid
    where pg_constraint.contype = 'c'
),

-- CHECK ((balance >= (0)::numeric)) becomes: check balance >= 0
plain as (
    select
        definition.table_oid,
        definition.checked_name,
        regexp_replace(
            regexp_replace(
                regexp_replace(
                    lower(definition.wording), '::(double precision|[a-z0-9_]+)(\([0-9, ]+\))?', '', 'g'
                ),
                '[()"'']', '', 'g'
            ),
            format('\s+or\s+%1$s is null|%1$s is null\s+or\s+', lower(definition.checked_name)), '', 'g'
        ) as wording
    from definition
),

forbidding as (
    select plain.table_oid
    from plain
    inner join domains
        on plain.table_oid = domains.table_oid
    where
        plain.wording !~ '\mor\M'
        and (
            plain.wording ~ format('(?<![.\w])%s (>=|>) [0-9]', lower(plain.checked_name))
            or plain.wording ~ format('(?<![-.\w])[0-9.]+ (<=|<) %s(?![.\w])', lower(plain.checked_name))
            or plain.wording ~ format('\mnot %s < 0(?![.0-9])', lower(plain.checked_name))
            or (
                domains.type_oid in (
                    'pg_catalog.int2'::pg_catalog.regtype,
                    'pg_catalog.int4'::pg_catalog.regtype,
                    'pg_catalog.int8'::pg_catalog.regtype
                )
                and plain.wording ~ format('(?<![.\w])%s > -1(?![.0-9])', lower(plain.checked_name))
            )
        )
),

judged as (
    select
        format('%s.%s.%s', balance.schema, balance.table_name, balance.column_name) as subject,
        (
            select string_agg(definition.wording, '; ' order by definition.wording asc)
            from definition
            where definition.table_oid = balance.table_oid
        ) as checks
    from balance
    where not exists (
        select 1
        from forbidding
        where forbidding.table_oid = balance.table_oid
    )
)

select
    judged.subject,
    judged.checks
from judged
