-- title:    Every function that changes a balance also writes an entry
-- severity: critical
-- property: ledger
-- detects:  no_ledger_entry
-- reads:    target_function, balance, ledger
--
-- A balance that moves without an entry can't be explained afterwards. The entry may be written by
-- the function itself, by a function that it calls, by a trigger on the balance table, or, for an
-- inner function, by every function that calls it. Bodies are read as text: comments are left out,
-- and strings too unless the function runs dynamic SQL. Names that such SQL puts together are not
-- seen.

with recursive pattern as (
    select
        balance.table_oid,
        format(
            '(\mupdate\s+(only\s+)?%1$s(\s+(as\s+)?"?\w+"?)?'
            || '|\minsert\s+into\s+%1$s(?!\w)[^;]*\mdo\s+update'
            || '|\mmerge\s+into\s+(only\s+)?%1$s(?!\w)[^;]*\mupdate)'
            || '\s+set\s((?!\mwhere\M)[^;])*(?<!\w)%2$s"?\s*(,[^=;]*\))?\)?\s*=',
            format('("?%s"?\s*\.\s*)?"?%s"?', balance.schema, balance.table_name),
            balance.column_name
        ) as changes_balance,
        format(
            '\m(insert|merge)\s+into\s+(only\s+)?("?%s"?\s*\.\s*)?"?%s"?(?!\w)',
            ledger.schema,
            ledger.table_name
        ) as writes_entry
    from balance
    cross join ledger
),

function_code as (
    select
        pg_proc.oid,
        pg_proc.proname,
        target_function.signature,
        coalesce(target_function.is_operation, false) as is_operation,
        regexp_replace(
            coalesce(nullif(target_function.body, ''), pg_get_function_sqlbody(pg_proc.oid), pg_proc.prosrc),
            '("[^"]*"|''([^'']|'''')*'')|--[^\n]*|/\*([^*]|\*+[^*/])*\*+/', '\1 ', 'g'
        ) as wording
    from pg_catalog.pg_proc
    left join target_function on pg_proc.oid = target_function.oid
    where
        target_function.oid is not null
        or pg_proc.oid in (
            select pg_trigger.tgfoid
            from pg_catalog.pg_trigger
            inner join balance on pg_trigger.tgrelid = balance.table_oid
        )
),

code as (
    select
        function_code.oid,
        function_code.proname,
        function_code.signature,
        function_code.is_operation,
        case
            when function_code.wording ~* '\mexecute\M' then function_code.wording
            else regexp_replace(function_code.wording, '("[^"]*")|''([^'']|'''')*''', '\1 ', 'g')
        end as wording
    from function_code
),

call as (
    select
        caller_code.oid as caller_oid,
        called_code.oid as called_oid
    from code as caller_code
    inner join code as called_code
        on
            caller_code.oid <> called_code.oid
            and caller_code.wording ~* format('(?<!\w)%s"?\s*\(', called_code.proname)
),

entry_writer as (
    select code.oid
    from code
    inner join pattern on code.wording ~* pattern.writes_entry
    union distinct
    select call.caller_oid as oid
    from call
    inner join entry_writer on call.called_oid = entry_writer.oid
)

select
    code.signature as subject,
    pattern.table_oid::pg_catalog.regclass::text as balance_table,
    btrim(
        regexp_replace(substring(code.wording from '(?i)' || pattern.changes_balance), '\s+', ' ', 'g')
    ) as changed_by
from code
inner join pattern on code.wording ~* pattern.changes_balance
where
    code.signature is not null
    and code.oid not in (select entry_writer.oid from entry_writer)
    and not exists (
        select 1
        from pg_catalog.pg_trigger
        where
            pg_trigger.tgrelid = pattern.table_oid
            and pg_trigger.tgenabled <> 'D'
            and pg_trigger.tgfoid in (select entry_writer.oid from entry_writer)
    )
    and (
        code.is_operation
        or not exists (
            select 1
            from call
            where call.called_oid = code.oid
        )
        or exists (
            select 1
            from call
            where
                call.called_oid = code.oid
                and call.caller_oid not in (select entry_writer.oid from entry_writer)
        )
    )
