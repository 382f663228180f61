-- title:    Each of five grants is sent ten times at the same instant, and given once
-- property: replay, ledger
-- detects:  not_idempotent, insert_where_not_exists, replay_fails_raw
-- callers:  50
-- spread:   5
-- expect:   all ok
--
-- A queue that delivers at least once, with ten workers that have all woken up. Every delivery is told that the
-- credits are there; they are there once.

-- @entity workspace uuid, request uuid
insert into lead_marketplace.workspaces (id) values (:workspace);

-- @call add_workspace_credits
select * from lead_marketplace.add_workspace_credits(:workspace, 25, 'welcome gift', :request);

-- @check Each workspace has the credits of one grant
select wallet.balance = 25
from lead_marketplace.workspace_credits as wallet
where wallet.workspace_id = :workspace;
