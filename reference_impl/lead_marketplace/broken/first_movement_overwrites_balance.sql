-- title:     A balance is written by an upsert that, on conflict, overwrites what is there
-- class:     first_touch_race
-- operation: add_workspace_credits
-- hurts:     a new workspace: of its first two gifts one is lost
-- caught-by: race first_top_up_twice,
--            audit balance_equals_entries
-- changes:   functions/post_credit_entry.sql
--
-- A row that isn't there can't be locked. Both movements start from nothing, and the second one's upsert puts its own
-- balance over the first one's. Accounts that exist are safe, so nobody notices for long.

-- @instead of
    -- First use. Of two sessions one inserts, the other waits for it here and then finds the row.
    insert into lead_marketplace.workspace_credits (workspace_id)
    values (p_workspace_id)
    on conflict (workspace_id) do nothing;

    -- This row lock puts the movements of one account in a line. A balance read before it may be another
    -- movement's past, and writing from it would lose that movement.
    select account.balance
    into strict v_before
-- @write
    select account.balance
    into v_before

-- @instead of
    for no key update;
-- @write
    for no key update;
    v_before := coalesce(v_before, 0.00);

-- @instead of
    update lead_marketplace.workspace_credits as account
    set balance = v_after, updated_at = now()
    where account.workspace_id = p_workspace_id
-- @write
    insert into lead_marketplace.workspace_credits as account (workspace_id, balance)
    values (p_workspace_id, v_after)
    on conflict (workspace_id) do update set balance = excluded.balance, updated_at = now()
