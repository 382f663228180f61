-- An allocation took what ann was charged for the service.
insert into planted.allocation (
    allocation_id, account_id, subscription_id, period_start, amount, entry_no
) values
('allocation-2', 'ann', 'subscription-2', timestamptz '2030-01-01 00:00:00Z', -5, 9);
