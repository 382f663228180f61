-- title:    Nothing that was served was charged twice
-- severity: critical
-- property: replay
-- anomaly:  double charge
-- detects:  not_idempotent, check_before_lock, status_acted_on_twice, unique_missing_on_key,
--           lock_split_across_calls
-- reads:    usage, entry
--
-- A client repeats its request, a worker settles what was left open, and both charge the same. An entry
-- belongs to what was served if it is named there, or if it takes credits and names it.

select
    charged.usage_id as subject,
    count(*) as entries,
    string_agg(charged.entry_no::text, ', ' order by charged.entry_no asc) as entry_nos
from (
    select
        usage.usage_id,
        entry.account_id,
        entry.entry_no
    from usage
    inner join entry
        on
            usage.account_id = entry.account_id
            and usage.entry_no = entry.entry_no
    union distinct
    select
        usage.usage_id,
        entry.account_id,
        entry.entry_no
    from usage
    inner join entry
        on
            usage.usage_id = entry.reference
            and entry.amount < 0
) as charged
group by charged.usage_id
having count(*) > 1
