-- title:     A replayed completion answers with today's balance
-- class:     not_idempotent
-- operation: complete_credit_lead_purchase
-- hurts:     whoever settles up with the answer: the retry says something else than the lost answer did
-- caught-by: contract credit_completion_charges_once
-- changes:   functions/complete_credit_lead_purchase.sql

-- @instead of
        select true, entry.balance_after, true
        into strict success, new_credit_balance, already_completed
        from lead_marketplace.credit_entries as entry
        where entry.request_key = 'purchase:' || p_purchase_id::text;
-- @write
        select true, account.balance, true
        into strict success, new_credit_balance, already_completed
        from lead_marketplace.workspace_credits as account
        where account.workspace_id = p_workspace_id;
