-- Cat's payment is settled, and she has not got the credits.
update planted.payment
set status = 'completed'
where payment_id = 'payment-3';
