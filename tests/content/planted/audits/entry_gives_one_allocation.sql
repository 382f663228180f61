-- The second period points to the first one's credits.
insert into planted.allocation (
    allocation_id, account_id, subscription_id, period_start, amount, entry_no
) values
('allocation-2', 'dan', 'subscription-1', timestamptz '2030-02-01 00:00:00Z', 100, 10);
