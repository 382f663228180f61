-- title:           Nobody looks whether there are credits enough: the page has done so
-- class:           unguarded_debit
-- operation:       process_peer_booking_credits
-- hurts:           everybody: whoever calls past the page spends what isn't there
-- caught-by:       contract too_few_credits_move_nothing, contract spent_credits_not_refunded,
--                  race two_bookings_one_balance
-- unmask:          alter table peer_booking.credits drop constraint balance_not_negative
-- unmask:          alter table peer_booking.credit_transactions drop constraint transaction_balances_valid
-- caught-unmasked: contract too_few_credits_move_nothing, contract spent_credits_not_refunded, lint balance_unchecked,
--                  audit balance_not_negative
-- changes:         functions/post_credit_entry.sql
--
-- The source checked balances in the browser before it moved the check to the server. The constraint on the balance
-- stops the rest, with a raw error.

-- @instead of
    if v_after < 0 and p_transaction_type = 'session_reversal' then
        raise exception 'Practitioner has spent the credits. Current: %, Required: %', v_before, v_before - v_after;
    elsif v_after < 0 then
        raise exception 'Insufficient credits. Current: %, Required: %', v_before, v_before - v_after;
    elsif v_after > 2147483647 then
-- @write
    if v_after > 2147483647 then
