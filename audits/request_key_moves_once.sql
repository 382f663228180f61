-- title:    No request moved an account's credits twice
-- severity: critical
-- property: replay
-- anomaly:  double apply
-- detects:  not_idempotent, unique_missing_on_key, insert_where_not_exists, check_before_lock
-- reads:    entry
--
-- A client that got no answer sends its request again under the same key. Two entries in one account
-- under one key mean that the repeat was carried out as if it were new. Entries without a key are
-- left out: nothing says that they are repeats.

select
    entry.account_id as subject,
    entry.request_key,
    count(*) as entries,
    sum(entry.amount) as amount,
    min(entry.entry_no) as first_entry_no,
    max(entry.entry_no) as last_entry_no
from entry
where entry.request_key is not null
group by entry.account_id, entry.request_key
having count(*) > 1
