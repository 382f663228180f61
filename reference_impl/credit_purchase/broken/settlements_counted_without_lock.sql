-- title:           A settlement reads what was settled before without a lock
-- class:           check_then_act
-- operation:       settle_credits
-- hurts:           the shop: two parts of a job use 120 credits of 100
-- caught-by:       race two_settlements_one_reservation
-- unmask:          alter table credit_purchase.credit_reservations drop constraint reservation_not_exceeded
-- caught-unmasked: race two_settlements_one_reservation, audit hold_not_exceeded
-- changes:         functions/draw_on_reservation.sql, functions/settle_credits.sql,
--                  functions/refund_credits.sql
--
-- Both parts read 0. The constraint on the reservation stops the second, with a raw error instead of
-- "reservation_exceeded".

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
        and case p_operation.operation_type when 'settle' then v_seen else reservation.settled end::bigint
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
