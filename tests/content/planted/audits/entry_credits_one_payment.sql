-- Ann paid again, and the second payment was settled with the entry of the first.
insert into planted.payment (payment_id, account_id, amount, status, entry_no) values
('payment-5', 'ann', 100, 'completed', 1);
