-- title:    No payment was credited twice
-- severity: critical
-- property: replay
-- anomaly:  double credit
-- detects:  not_idempotent, check_before_lock, effect_before_claim, unique_missing_on_key,
--           status_acted_on_twice
-- reads:    payment, entry
--
-- Payment providers announce one payment several times and sometimes at once. More than one entry
-- for it, in whichever account, means that a repeat was paid out. An entry belongs to a payment if
-- the payment names it, or if it adds credits and names the payment.

select
    credited.payment_id as subject,
    count(*) as entries,
    string_agg(credited.entry_no::text, ', ' order by credited.entry_no asc) as entry_nos
from (
    select
        payment.payment_id,
        entry.account_id,
        entry.entry_no
    from payment
    inner join entry
        on
            payment.account_id = entry.account_id
            and payment.entry_no = entry.entry_no
    union distinct
    select
        payment.payment_id,
        entry.account_id,
        entry.entry_no
    from payment
    inner join entry
        on
            payment.payment_id = entry.reference
            and entry.amount > 0
) as credited
group by credited.payment_id
having count(*) > 1
