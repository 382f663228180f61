-- title:    Every event from outside is recorded once
-- severity: critical
-- property: replay
-- anomaly:  double delivery
-- detects:  unique_missing_on_key, insert_where_not_exists, check_then_act
-- reads:    webhook_event
--
-- Events are delivered again until they are answered, sometimes twice at once. Two rows for one event
-- mean that both deliveries found it new, and that each may have had its effect.

select
    webhook_event.event_id as subject,
    count(*) as deliveries,
    string_agg(webhook_event.status, ', ' order by webhook_event.status asc) as statuses
from webhook_event
group by webhook_event.event_id
having count(*) > 1
