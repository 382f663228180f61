-- title:     Lines of the audit log can be changed and removed
-- class:     log_rewritten
-- operation: update_credit_balance
-- hurts:     whoever has to say later who moved the credits: the one who cleaned the log isn't in it
-- caught-by: contract ledger_only_grows

drop trigger credit_audit_log_append_only on peer_booking.credit_audit_log;
