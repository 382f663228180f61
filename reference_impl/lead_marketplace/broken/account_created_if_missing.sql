-- title:     The first movement of an account looks whether the row is there and then inserts it
-- class:     first_touch_race
-- operation: add_workspace_credits
-- hurts:     a new workspace: of its first two gifts one fails with a raw unique violation
-- caught-by: race first_top_up_twice
-- changes:   functions/post_credit_entry.sql
--
-- Both look, both find nothing, both insert. The primary key lets one of them through.

-- @instead of
    -- First use. Of two sessions one inserts, the other waits for it here and then finds the row.
    insert into lead_marketplace.workspace_credits (workspace_id)
    values (p_workspace_id)
    on conflict (workspace_id) do nothing;
-- @write
    if not exists (
        select 1 from lead_marketplace.workspace_credits as account where account.workspace_id = p_workspace_id
    ) then
        insert into lead_marketplace.workspace_credits (workspace_id) values (p_workspace_id);
    end if;
