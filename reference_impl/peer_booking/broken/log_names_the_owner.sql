-- title:     The audit log names the owner of the functions, not who called them
-- class:     wrong_actor
-- operation: process_peer_booking_credits
-- hurts:     whoever has to say later who moved the credits
-- caught-by: contract audit_log_tells_who
-- changes:   functions/post_credit_entry.sql
--
-- In a SECURITY DEFINER function current_user is its owner, whoever calls it.

-- @instead of
        coalesce(nullif(current_setting('role'), 'none'), session_user),
-- @write
        current_user,
