-- title:    No entry stands for more than one payment
-- severity: high
-- property: ledger
-- anomaly:  lost credit
-- detects:  key_reused_for_other_arguments, not_idempotent
-- reads:    payment
--
-- Two payments are settled and both point to the same entry: the customer paid twice and got the
-- credits once, because the second payment was taken for a repeat of the first.

select
    payment.account_id as subject,
    payment.entry_no,
    count(*) as payments,
    sum(payment.amount) as amount,
    string_agg(payment.payment_id, ', ' order by payment.payment_id asc) as payment_ids
from payment
where payment.entry_no is not null
group by payment.account_id, payment.entry_no
having count(*) > 1
