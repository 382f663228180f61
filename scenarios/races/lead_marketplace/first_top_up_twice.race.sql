-- title:    A new workspace is given credits twice at once
-- property: serial, ledger
-- detects:  first_touch_race, read_modify_write, stale_balance_in_entry
-- expect:   exactly 2 ok in add_workspace_credits
--
-- The workspace has no account row yet; its first credits create it. If both calls find none, both insert one:
-- the second fails with a raw unique violation, or overwrites what the first has put in. Both gifts must
-- arrive.

-- @values workspace uuid, welcome_key uuid, bonus_key uuid

-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace);

-- @session welcome
-- @call add_workspace_credits
select * from lead_marketplace.add_workspace_credits(:workspace, 30, 'welcome gift', :welcome_key);

-- @session bonus
-- @call add_workspace_credits
select * from lead_marketplace.add_workspace_credits(:workspace, 20, 'bonus', :bonus_key);
