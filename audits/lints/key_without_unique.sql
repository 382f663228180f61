-- title:    Every column that holds a request's key is unique
-- severity: high
-- property: replay
-- detects:  unique_missing_on_key, insert_where_not_exists
-- reads:    target_column
--
-- Looking for the key first and inserting it afterwards lets two repeats at the same moment pass
-- both. Only a unique index makes one of them wait for the other. It may hold further columns or
-- leave out rows without a key. A column that refers to another table's key is left out.

with key_column as (
    select
        target_column.table_oid,
        target_column.type,
        pg_attribute.attnum as column_no,
        format('%s.%s.%s', target_column.schema, target_column.table_name, target_column.column_name) as subject,
        quote_ident(target_column.column_name) as column_name
    from target_column
    inner join pg_catalog.pg_attribute
        on
            target_column.table_oid = pg_attribute.attrelid
            and target_column.column_name = pg_attribute.attname
    where
        target_column.column_name
        ~* '(request_key|idempotency_key|request_id|stripe_session_id|event_id)'
        and target_column.type !~* '^(timestamp|date|time|boolean|json)'
)

select
    key_column.subject,
    key_column.type
from key_column
where
    not exists (
        select 1
        from pg_catalog.pg_index
        where
            pg_index.indrelid = key_column.table_oid
            and pg_index.indisunique
            and pg_index.indisvalid
            and (
                key_column.column_no = any((pg_index.indkey::smallint[])[0:pg_index.indnkeyatts - 1])
                or pg_catalog.pg_get_expr(pg_index.indexprs, pg_index.indrelid)
                ~ format('(?<![.\w])%s(?!\w)', key_column.column_name)
            )
    )
    and not exists (
        select 1
        from pg_catalog.pg_constraint
        where
            pg_constraint.conrelid = key_column.table_oid
            and pg_constraint.contype = 'f'
            and key_column.column_no = any(pg_constraint.conkey)
    )
