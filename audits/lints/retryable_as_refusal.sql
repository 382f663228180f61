-- title:    No function hides a retryable error, or raises one of its own
-- severity: high
-- property: serial
-- detects:  lock_timeout_as_refusal, exception_swallowed
-- reads:    target_function
--
-- 40001, 40P01 and 55P03 mean "nothing happened, try again". A handler for them, or for OTHERS, that
-- doesn't raise the error again reports a passing collision as "insufficient credits" or as done.
-- The other way round, a business refusal raised with one of these codes is retried for ever.
--
-- PL/pgSQL bodies are read as text, without comments and strings. A handler passes if it raises
-- again: RAISE alone, or with the code that it caught. A handler for OTHERS also passes if handlers
-- before it raise these errors again, or if its block neither runs SQL nor calls a function of the
-- target or one that is named with its schema. What handlers raise isn't looked at otherwise, and a
-- function that gives up on a lock by itself (pg_try_advisory_lock, SKIP LOCKED) may say so.

with without_comments as (
    select
        target_function.oid,
        target_function.signature,
        regexp_replace(
            coalesce(target_function.body, ''),
            '("[^"]*"|''([^'']|'''')*'')|--[^\n]*|/\*([^*]|\*+[^*/])*\*+/', '\1 ', 'g'
        ) as body
    from target_function
    where target_function.language = 'plpgsql'
),

-- Strings go as well, except those that name one of these conditions; "~" marks where one stood, so
-- that "raise 'too late';" isn't taken for a bare "raise;".
code as (
    select
        without_comments.oid,
        without_comments.signature,
        regexp_replace(
            without_comments.body,
            '("[^"]*"|''(40000|40001|40P01|55000|55P03'
            || '|transaction_rollback|serialization_failure|deadlock_detected'
            || '|object_not_in_prerequisite_state|lock_not_available)'')|''([^'']|'''')*''',
            '\1 ~', 'gi'
        ) as body
    from without_comments
),

-- A part is what lies between two "exception when": first the handlers of one block, then whatever
-- follows that block's end. Part 1 has no handlers.
part as (
    select
        code.oid,
        split.part_no,
        split.body
    from code
    cross join regexp_split_to_table(code.body, '\mexception\s+when\M', 'i') with ordinality as split (body, part_no)
),

block as (
    select
        part.oid,
        part.part_no,
        -- The block's own statements: between the last "begin" before its handlers and these.
        regexp_replace(lag(part.body) over one_function, '^.*\mbegin\M', '', 'i') as guarded,
        regexp_replace(part.body, '\mend\M(?!\s+(if|case|loop)\M)\s*("?\w+"?\s*)?(;|$).*', '', 'i') as handlers,
        case
            when part.part_no = 1 then part.body
            else substring(part.body from '(?i)\mend\M(?!\s+(?:if|case|loop)\M)\s*(?:"?\w+"?\s*)?(?:;|$)(.*)')
        end as outside
    from part
    window one_function as (
        partition by part.oid
        order by part.part_no asc
    )
),

handler as (
    select
        block.oid,
        block.part_no,
        block.guarded,
        split.handler_no,
        substring(split.body from '(?i)^(.*?)\mthen\M') as caught,
        regexp_replace(split.body, '^.*?\mthen\M', '', 'i') as body
    from block
    cross join regexp_split_to_table(block.handlers, ';\s*when\M', 'i') with ordinality as split (body, handler_no)
    where block.part_no > 1
),

judged_handler as (
    select
        handler.oid,
        handler.part_no,
        handler.handler_no,
        handler.guarded,
        handler.caught,
        (
            handler.body ~* '\mraise\s*(;|$)'
            or handler.body ~* '\mraise\M[^;]*\merrcode\s*:?=\s*(["a-z]|''[a-z0-9_]+'')'
            or handler.body ~* (
                '\mraise\s+(exception\s+)?'
                || '(sqlstate\s+''|serialization_failure|deadlock_detected|lock_not_available)'
            )
        ) as raises_again
    from handler
),

-- With what the handlers before it in its block raise again.
placed_handler as (
    select
        judged_handler.oid,
        judged_handler.guarded,
        judged_handler.caught,
        judged_handler.raises_again,
        string_agg(judged_handler.caught, ' ') filter (where judged_handler.raises_again) over (
            partition by judged_handler.oid, judged_handler.part_no
            order by judged_handler.handler_no asc
            rows between unbounded preceding and 1 preceding
        ) as passed_on
    from judged_handler
),

found as (
    select
        placed_handler.oid,
        'hides what it catches: when' || placed_handler.caught as reason
    from placed_handler
    where
        not placed_handler.raises_again
        and (
            placed_handler.caught ~* (
                '\m(serialization_failure|deadlock_detected|lock_not_available'
                || '|transaction_rollback|object_not_in_prerequisite_state)\M'
                || '|\msqlstate\s+''(40000|40001|40P01|55000|55P03)'''
            )
            or (
                placed_handler.caught ~* '\mothers\M'
                and (
                    placed_handler.guarded
                    ~* '\m(select|insert|update|delete|merge|perform|execute|call|lock|fetch)\M|\."?\w+"?\s*\('
                    or exists (
                        select 1
                        from target_function
                        where placed_handler.guarded ~* format('(?<!\w)%s"?\s*\(', target_function.name)
                    )
                )
                and (
                    placed_handler.passed_on ~* '\m(serialization_failure|transaction_rollback)\M|40001|40000'
                    and placed_handler.passed_on ~* '\m(deadlock_detected|transaction_rollback)\M|40P01|40000'
                    and placed_handler.passed_on
                    ~* '\m(lock_not_available|object_not_in_prerequisite_state)\M|55P03|55000'
                ) is not true
            )
        )
    union distinct
    select
        block.oid,
        'raises a retryable error of its own' as reason
    from block
    inner join code on block.oid = code.oid
    where
        block.outside ~* (
            '\mraise\M[^;]*\merrcode\s*:?=\s*'
            || '''(40001|40P01|55P03|serialization_failure|deadlock_detected|lock_not_available)'''
            || '|\mraise\s+(exception\s+)?(sqlstate\s+''(40001|40P01|55P03)'''
            || '|(serialization_failure|deadlock_detected|lock_not_available)\M)'
        )
        and code.body !~* '\m(pg_try_advisory\w*|skip\s+locked)\M'
)

select
    code.signature as subject,
    string_agg(distinct btrim(regexp_replace(found.reason, '[~\s]+', ' ', 'g')), '; ') as reason
from found
inner join code on found.oid = code.oid
group by code.oid, code.signature
