-- title:    A grant with a request key is given once, and the first one opens the account
-- property: replay, ledger
-- detects:  not_idempotent, key_reused_for_other_arguments, raw_unique_violation
--
-- The same key again, with the same arguments, gives nothing and answers as the first time. With
-- other arguments it is another request under a used key, and refused. Without a key every call is
-- a request of its own, and a refusal uses no key up.

-- @values workspace uuid, other uuid, unknown uuid, key uuid, spare_key uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace), (:other);

-- @call add_workspace_credits
-- @expect refused P0001 Reason is missing
select * from lead_marketplace.add_workspace_credits(:unknown, 25, null, :key);
-- @call add_workspace_credits
-- @expect refused P0001 Reason is missing
select * from lead_marketplace.add_workspace_credits(:workspace, 25, '  ', :key);
-- @call add_workspace_credits
-- @expect refused P0001 Workspace not found: *-*
select * from lead_marketplace.add_workspace_credits(:unknown, 25, 'monthly allowance', :key);
-- @call add_workspace_credits
-- @expect refused P0001 Workspace not found: <NULL>
select * from lead_marketplace.add_workspace_credits(null, 25, 'monthly allowance', :key);
-- @call add_workspace_credits
-- @expect refused P0001 Invalid credit amount: -25
select * from lead_marketplace.add_workspace_credits(:unknown, -25, null, :key);

-- @call add_workspace_credits
-- @expect ok new_credit_balance=25.00, already_added=false
select * from lead_marketplace.add_workspace_credits(:workspace, 25, 'monthly allowance', :key);

-- @check The account was opened by this grant, with one entry from zero
select
    account.balance = 25,
    count(*) = 1,
    bool_and(entry.kind = 'grant' and entry.amount = 25),
    bool_and(entry.balance_before = 0 and entry.balance_after = 25)
from lead_marketplace.workspace_credits as account
inner join lead_marketplace.credit_entries as entry on account.workspace_id = entry.workspace_id
where account.workspace_id = :workspace
group by account.balance;

-- @call add_workspace_credits
-- @expect ok new_credit_balance=30.00, already_added=false
select * from lead_marketplace.add_workspace_credits(:workspace, 5, 'without a key');
-- @call add_workspace_credits
-- @expect ok new_credit_balance=35.00, already_added=false
select * from lead_marketplace.add_workspace_credits(:workspace, 5, 'without a key', null);

-- @call add_workspace_credits
-- @expect ok new_credit_balance=25.00, already_added=true
select * from lead_marketplace.add_workspace_credits(:workspace, 25, 'monthly allowance', :key);

-- @call add_workspace_credits
-- @expect refused P0001 Request key was used with other arguments: *-*
select * from lead_marketplace.add_workspace_credits(:workspace, 26, 'monthly allowance', :key);
-- @call add_workspace_credits
-- @expect refused P0001 Request key was used with other arguments: *-*
select * from lead_marketplace.add_workspace_credits(:workspace, 25, 'bonus', :key);
-- @call add_workspace_credits
-- @expect refused P0001 Request key was used with other arguments: *-*
select * from lead_marketplace.add_workspace_credits(:other, 25, 'monthly allowance', :key);

-- The arguments are looked at before the key is.
-- @call add_workspace_credits
-- @expect refused P0001 Invalid credit amount: 0
select * from lead_marketplace.add_workspace_credits(:workspace, 0, 'monthly allowance', :key);

-- @call add_workspace_credits
-- @expect ok new_credit_balance=60.00, already_added=false
select * from lead_marketplace.add_workspace_credits(:workspace, 25, 'monthly allowance', :spare_key);

-- @check Repeats and conflicts gave nothing, to nobody
select
    account.balance = 60,
    not exists (
        select 1 from lead_marketplace.workspace_credits as none where none.workspace_id = :other
    ),
    (
        select count(*) = 4 and sum(entry.amount) = 60
        from lead_marketplace.credit_entries as entry
        where entry.workspace_id = :workspace
    )
from lead_marketplace.workspace_credits as account
where account.workspace_id = :workspace;
