-- title:           A refund reads what was settled without a lock
-- class:           check_before_lock
-- operation:       refund_credits
-- hurts:           the shop: a job's credits are used and given back as well
-- caught-by:       race settlement_against_refund
-- unmask:          alter table credit_purchase.credit_reservations drop constraint reservation_not_exceeded
-- caught-unmasked: race settlement_against_refund, audit hold_not_exceeded
-- changes:         functions/draw_on_reservation.sql, functions/settle_credits.sql,
--                  functions/refund_credits.sql
--
-- Refunds look at each other under the row's lock and at settlements before it. Only a refund that overlaps a
-- settlement is wrong.

-- @instead of
    v_returned integer := case p_operation.operation_type when 'refund' then p_operation.amount else 0 end;
begin
-- @write
    v_returned integer := case p_operation.operation_type when 'refund' then p_operation.amount else 0 end;
    v_seen integer;
begin
    select reservation.settled
    into strict v_seen
    from credit_purchase.credit_reservations as reservation
    where reservation.reservation_key = p_operation.reservation_key;

-- @instead of
        and reservation.settled::bigint + reservation.returned + p_operation.amount <= reservation.amount;
-- @write
        and case p_operation.operation_type when 'refund' then v_seen else reservation.settled end::bigint
        + reservation.returned + p_operation.amount <= reservation.amount;

-- @instead of
        select p_idempotency_key, reservation.user_id, 'settle', p_amount, reservation.reservation_key
        from credit_purchase.credit_reservations as reservation
        where reservation.reservation_key = p_reservation_key and reservation.user_id = p_user_id
        for no key update
-- @write
        select p_idempotency_key, reservation.user_id, 'settle', p_amount, reservation.reservation_key
        from credit_purchase.credit_reservations as reservation
        where reservation.reservation_key = p_reservation_key and reservation.user_id = p_user_id

-- @instead of
        select p_idempotency_key, reservation.user_id, 'refund', p_amount, reservation.reservation_key
        from credit_purchase.credit_reservations as reservation
        where reservation.reservation_key = p_reservation_key and reservation.user_id = p_user_id
        for no key update
-- @write
        select p_idempotency_key, reservation.user_id, 'refund', p_amount, reservation.reservation_key
        from credit_purchase.credit_reservations as reservation
        where reservation.reservation_key = p_reservation_key and reservation.user_id = p_user_id
