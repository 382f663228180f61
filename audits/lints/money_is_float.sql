-- title:    No balance, amount or price is a floating point number
-- severity: high
-- property: state
-- detects:  fraction_rounded_away
-- reads:    balance, ledger, target_column, target_function
--
-- 0.1 + 0.2 is not 0.3 in real and double precision, so balances drift away from their entries and
-- an equality between them is luck. The type money depends on the server's locale. Looked at are
-- the balance, every column of the ledger, and columns and function arguments whose names speak of
-- money.

with suspect as (
    select
        target_column.type as sql_type,
        target_column.column_name as field,
        format('%s.%s.%s', target_column.schema, target_column.table_name, target_column.column_name) as subject,
        (
            target_column.table_oid in (select ledger.table_oid from ledger)
            or (target_column.table_oid, target_column.column_name) in (
                select
                    balance.table_oid,
                    balance.column_name
                from balance
            )
        ) as is_money,
        case pg_type.typtype when 'd' then pg_type.typbasetype else pg_type.oid end as type_oid
    from target_column
    inner join pg_catalog.pg_attribute
        on
            target_column.table_oid = pg_attribute.attrelid
            and target_column.column_name = pg_attribute.attname
    inner join pg_catalog.pg_type on pg_attribute.atttypid = pg_type.oid
    union all
    select
        pg_catalog.format_type(taken.type_oid, null) as sql_type,
        taken.field,
        format('%s %s', target_function.signature, taken.field) as subject,
        false as is_money,
        taken.type_oid
    from target_function
    inner join pg_catalog.pg_proc on target_function.oid = pg_proc.oid
    cross join unnest(
        coalesce(pg_proc.proallargtypes, pg_proc.proargtypes::oid[]), pg_proc.proargnames
    ) as taken (type_oid, field)
)

select
    suspect.subject,
    suspect.sql_type
from suspect
where
    suspect.type_oid in (
        'pg_catalog.float4'::pg_catalog.regtype,
        'pg_catalog.float8'::pg_catalog.regtype,
        'pg_catalog.money'::pg_catalog.regtype
    )
    and (
        suspect.is_money
        or (
            suspect.field ~* '(^|_)(price|amount|balance|credit|cost|fee|total|charge|refund|payout)s?(_|$)'
            and suspect.field !~* '(^|_)(score|rate|ratio|percent|percentage|factor|multiplier|weight|count)s?(_|$)'
        )
    )
