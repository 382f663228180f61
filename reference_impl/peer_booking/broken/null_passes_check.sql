-- title:     A missing duration passes the check of the duration
-- class:     null_passes_check
-- operation: process_peer_booking_credits
-- hurts:     whoever books: the call goes on with nothing to charge
-- caught-by: contract booking_refusals
-- changes:   functions/process_peer_booking_credits.sql
--
-- Null is neither above nor below zero, so the comparison isn't true and nobody is refused.

-- @instead of
    if v_cost is null then
-- @write
    if p_duration_minutes <= 0 or p_duration_minutes > 1440 then
