-- title:    No balance is below zero
-- severity: critical
-- property: state
-- anomaly:  overdraft
-- detects:  check_then_act, unguarded_debit, balance_unchecked, check_before_lock
-- reads:    account
--
-- Credits are paid for in advance. A balance below zero means that more was spent than was there:
-- nobody looked, or two spenders looked at the same credits before either of them took any.

select
    account.account_id as subject,
    account.balance
from account
where account.balance < 0
