-- title:     The balance moves and no entry is written
-- class:     no_ledger_entry
-- operation: add_workspace_credits
-- hurts:     everybody who has to say later where the credits went
-- caught-by: lint no_ledger_entry, contract credit_completion_charges_once, contract grant_given_once,
--            contract top_up_credited_once, contract refund_returns_credits_once, audit balance_equals_entries
-- changes:   functions/post_credit_entry.sql

-- @instead of
    -- entry_no is drawn here, under the lock: an account's entries are numbered in the order in which they
    -- happened.
    insert into lead_marketplace.credit_entries (
        workspace_id, amount, balance_before, balance_after, kind, purchase_id, credit_purchase_id, grant_id
    )
    values (
        p_workspace_id, p_amount, v_before, v_after, p_kind, p_purchase_id, p_credit_purchase_id, p_grant_id
    );
-- @write
