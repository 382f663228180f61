-- title:     A booking answers every error with success = false
-- class:     lock_timeout_as_refusal
-- operation: process_peer_booking_credits
-- hurts:     the client: a passing collision becomes a final no, and nobody tries again
-- caught-by: lint retryable_as_refusal, retry process_peer_booking_credits
-- changes:   functions/process_peer_booking_credits.sql
--
-- The source rolls back on any error and says so. What the caller can't see any more is whether trying again would
-- help.

-- @instead of
    when raise_exception then
-- @write
    when others then
