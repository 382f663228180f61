-- title:     Every signed-in user reads every session
-- class:     row_filter_missing
-- operation: process_peer_booking_credits
-- hurts:     the users: who sees whom, and when, is nobody else's business
-- caught-by: contract users_only_read_their_own

alter policy user_reads_own on peer_booking.peer_sessions using (true);
