-- title:           A transfer looks for its reference and then inserts it
-- class:           unique_missing_on_key
-- operation:       credits_transfer
-- hurts:           the sender: a request that is sent twice goes over twice; with the constraint, the second call fails
--                  raw
-- caught-by:       race one_transfer_sent_twice
-- unmask:          alter table peer_booking.credit_transfers drop constraint transfer_reference_once
-- caught-unmasked: race one_transfer_sent_twice
-- changes:         functions/credits_transfer.sql
--
-- The first call hasn't committed when the second one looks.

-- @instead of
    where payer.id = p_from_user_id and receiver.id = p_to_user_id
    on conflict (reference_type, reference_id) do nothing
-- @write
    where
        payer.id = p_from_user_id
        and receiver.id = p_to_user_id
        and not exists (
            select 1
            from peer_booking.credit_transfers as earlier
            where earlier.reference_type = p_reference_type and earlier.reference_id = p_reference_id
        )
