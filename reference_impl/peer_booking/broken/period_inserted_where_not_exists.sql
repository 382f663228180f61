-- title:           A period is inserted where it doesn't exist yet, in one statement
-- class:           insert_where_not_exists
-- operation:       allocate_monthly_credits
-- hurts:           the platform: two webhooks of one period give its credits twice; with the constraint, the second
--                  fails raw
-- caught-by:       race one_period_allocated_twice
-- unmask:          alter table peer_booking.credit_allocations drop constraint allocation_once_per_period
-- caught-unmasked: race one_period_allocated_twice, audit period_allocated_once
-- changes:         functions/allocate_monthly_credits.sql
--
-- The source's webhooks verify that no allocation exists before they allocate. One statement doesn't help: it sees
-- only what has committed.

-- @instead of
    where subscription.id = p_subscription_id and subscription.user_id = p_user_id
    on conflict (subscription_id, period_start) do nothing
-- @write
    where
        subscription.id = p_subscription_id
        and subscription.user_id = p_user_id
        and not exists (
            select 1
            from peer_booking.credit_allocations as earlier
            where earlier.subscription_id = p_subscription_id and earlier.period_start = p_period_start
        )
