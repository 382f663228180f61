-- title:    One gift of credits is sent twice at once, under one request key
-- property: serial, replay, ledger
-- detects:  insert_where_not_exists, unique_missing_on_key, raw_unique_violation, check_before_lock
-- expect:   exactly 2 ok in add_workspace_credits
--
-- The key says that both calls mean the same gift. A call that only looks whether the key is there sees nothing
-- of one that has not committed yet, and gives the credits again. The second must wait and repeat the first's
-- answer, not fail on an index either.

-- @values workspace uuid, gift_key uuid

-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace);
select * from lead_marketplace.add_workspace_credits(:workspace, 40, 'opening balance');

-- @session first_try
-- @call add_workspace_credits
select * from lead_marketplace.add_workspace_credits(:workspace, 30, 'gift', :gift_key);

-- @session second_try
-- @call add_workspace_credits
select * from lead_marketplace.add_workspace_credits(:workspace, 30, 'gift', :gift_key);
