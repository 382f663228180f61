-- title:    An event that isn't processed has moved no credit
-- severity: critical
-- property: ledger
-- anomaly:  effect before mark
-- detects:  effect_before_claim, row_count_ignored, exception_swallowed
-- reads:    webhook_event, entry
--
-- The entry and the mark belong into one transaction. An entry that names an event which is only
-- received was written by a handler that failed between the two: the next delivery moves the credit
-- again.

select
    webhook_event.event_id as subject,
    webhook_event.status,
    string_agg(entry.entry_no::text, ', ' order by entry.entry_no asc) as entry_nos
from webhook_event
inner join entry on webhook_event.event_id = entry.reference
where webhook_event.status is distinct from 'processed'
group by webhook_event.event_id, webhook_event.status
