-- title:           A refund may give back more than its reservation holds
-- class:           refund_unbound
-- operation:       refund_credits
-- hurts:           the shop: reserve one credit, have a thousand given back
-- caught-by:       contract refund_bound_to_reservation, contract settlement_bound_to_reservation,
--                  race settlement_against_refund, race two_refunds_one_reservation
-- unmask:          alter table credit_purchase.credit_reservations drop constraint reservation_not_exceeded
-- caught-unmasked: contract refund_bound_to_reservation, race two_refunds_one_reservation,
--                  audit refund_not_above_charge, audit hold_not_exceeded
-- changes:         functions/draw_on_reservation.sql

-- @instead of
        and reservation.settled::bigint + reservation.returned + p_operation.amount <= reservation.amount;
-- @write
        ;
