-- title:    No two events claim the same effect
-- severity: high
-- property: replay
-- detects:  exception_swallowed, row_count_ignored
-- reads:    webhook_event
--
-- Two events that both name one effect have had one between them: the second was marked as processed
-- without anything being done for it.

select
    webhook_event.effect as subject,
    count(distinct webhook_event.event_id) as events,
    string_agg(distinct webhook_event.event_id, ', ' order by webhook_event.event_id asc) as event_ids
from webhook_event
where webhook_event.effect is not null
group by webhook_event.effect
having count(distinct webhook_event.event_id) > 1
