-- title:     A month's credits are booked as a bonus
-- class:     wrong_transaction_type
-- operation: allocate_monthly_credits
-- hurts:     the users, whose page adds up what they earned by the type of the transactions
-- caught-by: contract period_allocated_once
-- changes:   functions/allocate_monthly_credits.sql
--
-- As the source did at first.

-- @instead of
            p_user_id, p_amount, 'session_earning', p_allocation_type || ' credits', p_subscription_id, 'subscription',
-- @write
            p_user_id, p_amount, 'bonus', p_allocation_type || ' credits', p_subscription_id, 'subscription',
