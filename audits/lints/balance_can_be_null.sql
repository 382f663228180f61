-- title:    A balance can't be missing
-- severity: high
-- property: state
-- detects:  null_passes_check
-- reads:    balance, target_column
--
-- A comparison with null is neither true nor false, so "if balance < amount then refuse" lets an
-- account without a balance spend anything, and a check constraint accepts it as well.

with nullable as (
    select
        target_column.type,
        format('%s.%s.%s', balance.schema, balance.table_name, balance.column_name) as subject
    from balance
    inner join target_column
        on
            balance.table_oid = target_column.table_oid
            and balance.column_name = target_column.column_name
    inner join pg_catalog.pg_attribute
        on
            balance.table_oid = pg_attribute.attrelid
            and balance.column_name = pg_attribute.attname
    inner join pg_catalog.pg_type on pg_attribute.atttypid = pg_type.oid
    where
        not target_column.not_null
        and not pg_type.typnotnull
)

select
    nullable.subject,
    nullable.type
from nullable
