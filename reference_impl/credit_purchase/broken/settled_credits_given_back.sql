-- title:           What was settled can be given back as well
-- class:           state_not_rechecked
-- operation:       refund_credits
-- hurts:           the shop: the work is done, and its price comes back
-- caught-by:       contract refund_bound_to_reservation, race settlement_against_refund
-- unmask:          alter table credit_purchase.credit_reservations drop constraint reservation_not_exceeded
-- caught-unmasked: contract refund_bound_to_reservation, race settlement_against_refund, audit hold_not_exceeded,
--                  audit settled_credits_left_account
-- changes:         functions/draw_on_reservation.sql
--
-- A refund looks at what was given back before, and not at what was used.

-- @instead of
        and reservation.settled::bigint + reservation.returned + p_operation.amount <= reservation.amount;
-- @write
        and case p_operation.operation_type when 'settle' then reservation.settled else 0 end::bigint
        + reservation.returned + p_operation.amount <= reservation.amount;
