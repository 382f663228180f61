-- title:    Every account has one balance
-- severity: high
-- property: state
-- anomaly:  duplicate account
-- detects:  first_touch_race
-- reads:    account
--
-- An account's row is often made on first use. When two first uses overlap and nothing makes the
-- account unique, two rows appear, and from then on each reader may see a different balance.

select
    account.account_id as subject,
    count(*) as balances,
    sum(account.balance) as total
from account
group by account.account_id
having count(*) > 1
