-- title:     A settlement that found no reservation looks again, and draws its conclusions
-- class:     check_then_act
-- operation: settle_credits
-- hurts:     a worker whose settlement overtakes its reservation: it hears that its key is taken, which nobody has
-- caught-by: race settlement_against_its_reservation
-- changes:   functions/reason_not_recorded.sql
--
-- Nothing was inserted, and now there is such a reservation: so it must have been the key.

-- @instead of
        case when p_reservation_key is null then 'user_profile_not_found' else 'reservation_not_found' end
-- @write
        (
            select 'idempotency_key_conflict'
            from credit_purchase.credit_reservations as reservation
            where reservation.reservation_key = p_reservation_key and reservation.user_id = p_user_id
        ),
        case when p_reservation_key is null then 'user_profile_not_found' else 'reservation_not_found' end
