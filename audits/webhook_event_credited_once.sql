-- title:    No event added credit to an account twice
-- severity: critical
-- property: replay
-- anomaly:  double credit
-- detects:  not_idempotent, check_before_lock, effect_before_claim, unique_missing_on_key
-- reads:    webhook_event, entry
--
-- A second entry that adds credit and names the same event is a delivery that was taken for the
-- first. It counts whichever request key it was written under.

select
    webhook_event.event_id as subject,
    entry.account_id,
    count(distinct entry.entry_no) as entries,
    string_agg(distinct entry.entry_no::text, ', ') as entry_nos
from webhook_event
inner join entry on webhook_event.event_id = entry.reference
where entry.amount > 0
group by webhook_event.event_id, entry.account_id
having count(distinct entry.entry_no) > 1
