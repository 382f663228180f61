-- The same instant, told by another webhook in another time zone.
insert into planted.allocation (
    allocation_id, account_id, subscription_id, period_start, amount, entry_no
) values
('allocation-2', 'dan', 'subscription-1', timestamptz '2030-01-01 01:00:00+01', 10, 12);
