-- title:     An entry says which balance was read before the movement, not which one it changed
-- class:     stale_balance_in_entry
-- operation: add_workspace_credits
-- hurts:     whoever reads the ledger: the balance is right, and the entries tell another story
-- caught-by: race top_up_against_purchase,
--            audit entry_chain_unbroken
-- changes:   functions/post_credit_entry.sql
--
-- The UPDATE adds to what is there and is right. The entry is written from a balance that another movement has changed
-- in between, so two entries start from the same balance.

-- @instead of
    -- This row lock puts the movements of one account in a line. A balance read before it may be another
    -- movement's past, and writing from it would lose that movement.
-- @write

-- @instead of
    where account.workspace_id = p_workspace_id
    for no key update;
-- @write
    where account.workspace_id = p_workspace_id;

-- @instead of
    set balance = v_after, updated_at = now()
-- @write
    set balance = account.balance + p_amount, updated_at = now()

-- @instead of
        p_workspace_id, p_amount, v_before, v_after, p_kind, p_purchase_id, p_credit_purchase_id, p_grant_id
-- @write
        p_workspace_id, p_amount, v_before, v_before + p_amount, p_kind, p_purchase_id, p_credit_purchase_id, p_grant_id
