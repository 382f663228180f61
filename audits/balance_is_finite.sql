-- title:    Every balance is a finite number
-- severity: critical
-- property: state
-- detects:  nan_accepted, null_passes_check
-- reads:    account
--
-- PostgreSQL's numeric type has a value NaN, which it orders above every number. A balance of NaN
-- or infinity passes every check for sufficient credit and is never used up. A missing balance
-- passes many of them too, because a comparison with null is not false.

select
    account.account_id as subject,
    account.balance
from account
where
    account.balance is null
    or account.balance in ('NaN', 'Infinity', '-Infinity')
