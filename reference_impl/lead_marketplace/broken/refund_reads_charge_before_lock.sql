-- title:     A refund reads what was charged before it waits for the purchase
-- class:     check_before_lock
-- operation: refund_lead_purchase
-- hurts:     a buyer whose refund fails with a raw error, though the purchase was completed
-- caught-by: race refund_against_completion
-- changes:   functions/refund_lead_purchase.sql
--
-- While the refund waits for the lock, the purchase completes. The status is read after that and says "completed"; the
-- charge was read before and is missing. Facts that belong together must be read under one lock.

-- @instead of
begin
    -- This row lock puts two refunds of one purchase in a line; the second finds it refunded.
-- @write
begin
    -- What was charged is what the ledger says, not what anybody claims.
    select -entry.amount
    into v_charged
    from lead_marketplace.credit_entries as entry
    where entry.request_key = 'purchase:' || p_purchase_id::text;

    -- This row lock puts two refunds of one purchase in a line; the second finds it refunded.

-- @instead of
    end if;

    -- What was charged is what the ledger says, not what anybody claims.
    select -entry.amount
    into strict v_charged
    from lead_marketplace.credit_entries as entry
    where entry.request_key = 'purchase:' || p_purchase_id::text;

    new_credit_balance := lead_marketplace.post_credit_entry(
-- @write
    end if;

    new_credit_balance := lead_marketplace.post_credit_entry(
