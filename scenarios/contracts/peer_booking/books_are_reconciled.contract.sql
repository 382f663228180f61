-- title:    Reconciliation names what the books can't all mean, and nothing when they agree
-- property: ledger
-- detects:  no_ledger_entry, stale_balance_in_entry
--
-- Three wrongs are put in, one after the other, by a superuser who switches the constraints off, and taken
-- out again: a balance that its entries don't explain, an entry whose account is gone, an entry that doesn't
-- start where the one before it ended.

-- @values drifter uuid, ghost uuid, client uuid
-- @setup
insert into peer_booking.users (id) values (:drifter), (:ghost), (:client);

-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:drifter, 100, 'welcome');
-- @call credits_transfer
-- @expect ok
select * from peer_booking.credits_transfer(:drifter, :client, 30);
-- @call allocate_user_credits
-- @expect ok
select * from peer_booking.allocate_user_credits(:ghost, 50, 'welcome');

-- @call reconcile_credits
-- @expect ok no row
select *
from peer_booking.reconcile_credits() as found
where found.user_id in (:drifter, :ghost, :client);

-- @as superuser
update peer_booking.credits set balance = 75 where user_id = :drifter;
-- @as service_role
-- @call reconcile_credits
-- @expect ok problem=balance_differs, expected_user=true, names_the_entry=false, expected=70, actual=75, rows=1
select
    found.problem,
    found.user_id = :drifter as expected_user,
    found.entry_no is not null as names_the_entry,
    found.expected,
    found.actual,
    count(*) over () as rows
from peer_booking.reconcile_credits() as found
where found.user_id in (:drifter, :ghost, :client);
-- @as superuser
update peer_booking.credits set balance = 70 where user_id = :drifter;

-- @as superuser
set session_replication_role = replica;
delete from peer_booking.credits where user_id = :ghost;
-- @as service_role
-- @call reconcile_credits
-- @expect ok problem=entry_without_account, expected_user=true, names_the_entry=true, expected=null, actual=50, rows=1
select
    found.problem,
    found.user_id = :ghost as expected_user,
    found.entry_no is not null as names_the_entry,
    found.expected,
    found.actual,
    count(*) over () as rows
from peer_booking.reconcile_credits() as found
where found.user_id in (:drifter, :ghost, :client);
-- @as superuser
insert into peer_booking.credits (user_id, balance) values (:ghost, 50);

update peer_booking.credit_transactions set balance_before = 7, balance_after = 37 where user_id = :client;
-- @as service_role
-- @call reconcile_credits
-- @expect ok problem=chain_broken, expected_user=true, names_the_entry=true, expected=0, actual=7, rows=1
select
    found.problem,
    found.user_id = :client as expected_user,
    found.entry_no is not null as names_the_entry,
    found.expected,
    found.actual,
    count(*) over () as rows
from peer_booking.reconcile_credits() as found
where found.user_id in (:drifter, :ghost, :client);
-- @as superuser
update peer_booking.credit_transactions set balance_before = 0, balance_after = 30 where user_id = :client;
set session_replication_role = origin;

-- @as service_role
-- @call reconcile_credits
-- @expect ok no row
select *
from peer_booking.reconcile_credits() as found
where found.user_id in (:drifter, :ghost, :client);
