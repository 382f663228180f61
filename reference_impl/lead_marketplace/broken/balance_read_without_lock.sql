-- title:     Every movement computes the new balance from one that was read without a lock
-- class:     read_modify_write
-- operation: add_workspace_credits
-- hurts:     everybody: of two movements of one account, the later overwrites the earlier
-- caught-by: race top_up_against_purchase,
--            audit balance_equals_entries
-- changes:   functions/post_credit_entry.sql
--
-- Both read 100, both write what they make of it, and one of the two is lost. Both entries stay, so the books show it.

-- @instead of
    -- This row lock puts the movements of one account in a line. A balance read before it may be another
    -- movement's past, and writing from it would lose that movement.
-- @write

-- @instead of
    where account.workspace_id = p_workspace_id
    for no key update;
-- @write
    where account.workspace_id = p_workspace_id;
