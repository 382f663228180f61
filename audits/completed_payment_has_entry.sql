-- title:    Every completed payment was credited in full
-- severity: critical
-- property: ledger
-- anomaly:  lost credit
-- detects:  webhook_marked_before_effect, exception_swallowed, row_count_ignored, no_ledger_entry
-- reads:    payment, entry
--
-- The customer paid and the payment is settled, but the entry that it names is missing, belongs to
-- another account or has another amount. Typically the payment was marked first and the process
-- died before the credits were added.

select
    payment.payment_id as subject,
    payment.account_id,
    payment.amount,
    payment.entry_no
from payment
where
    payment.status = 'completed'
    and not exists (
        select 1
        from entry
        where
            entry.account_id = payment.account_id
            and entry.entry_no = payment.entry_no
            and entry.amount = payment.amount
    )
