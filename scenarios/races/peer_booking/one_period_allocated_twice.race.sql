-- title:    Two webhooks of one subscription period arrive at once
-- property: serial, replay, ledger
-- detects:  insert_where_not_exists, unique_missing_on_key, raw_unique_violation, check_before_lock
-- expect:   exactly 2 ok in allocate_monthly_credits
--
-- Stripe sends checkout.session.completed and invoice.payment_succeeded for the first period, in any order and
-- often in the same second. A call that looks whether the period is allocated sees nothing of one that hasn't
-- committed yet. The second must wait, add nothing, and return the same id.

-- @values subscriber uuid, subscription uuid

-- @setup
insert into peer_booking.users (id) values (:subscriber);
insert into peer_booking.subscriptions (id, user_id) values (:subscription, :subscriber);

-- @session checkout_completed
-- @call allocate_monthly_credits
select * from peer_booking.allocate_monthly_credits(
    :subscriber, :subscription, 100, 'monthly', '2025-01-01 00:00+00', '2025-02-01 00:00+00'
);

-- @session invoice_paid
-- @call allocate_monthly_credits
select * from peer_booking.allocate_monthly_credits(
    :subscriber, :subscription, 100, 'monthly', '2025-01-01 00:00+00', '2025-02-01 00:00+00'
);
