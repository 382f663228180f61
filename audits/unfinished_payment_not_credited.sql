-- title:    No payment that is pending or has failed was credited
-- severity: critical
-- property: ledger
-- detects:  effect_before_claim, exception_swallowed, status_acted_on_twice
-- reads:    payment, entry
--
-- Credits were given for money that has not arrived. When it does arrive, the payment is still open
-- and they are given again. An entry counts if the payment names it, or if it adds credits and names
-- the payment.

select
    payment.payment_id as subject,
    payment.account_id,
    payment.status,
    payment.amount,
    payment.entry_no
from payment
where
    coalesce(payment.status, 'pending') in ('pending', 'failed')
    and (
        payment.entry_no is not null
        or exists (
            select 1
            from entry
            where
                entry.reference = payment.payment_id
                and entry.amount > 0
        )
    )
