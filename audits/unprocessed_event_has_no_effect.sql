-- title:    An event that isn't processed has had no effect
-- severity: critical
-- property: replay
-- anomaly:  effect before mark
-- detects:  effect_before_claim, row_count_ignored, exception_swallowed
-- reads:    webhook_event
--
-- What names its effect has had it. An event that says so and isn't marked as processed is taken for
-- a new one when it is delivered again.

select
    webhook_event.event_id as subject,
    webhook_event.status,
    webhook_event.effect
from webhook_event
where
    webhook_event.status is distinct from 'processed'
    and webhook_event.effect is not null
