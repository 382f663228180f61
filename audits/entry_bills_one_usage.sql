-- title:    No entry pays for more than one thing that was served
-- severity: critical
-- property: replay
-- detects:  key_reused_for_other_arguments, effect_before_claim, exception_swallowed
-- reads:    usage
--
-- The account was charged once, and two things that were served point there: one of them was free.

select
    usage.account_id as subject,
    usage.entry_no,
    count(*) as usages,
    sum(usage.amount) as amount
from usage
where usage.entry_no is not null
group by usage.account_id, usage.entry_no
having count(*) > 1
