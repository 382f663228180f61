-- title:     A user sees what everybody has reserved
-- class:     policy_too_wide
-- operation: reserve_credits
-- hurts:     everybody, whose use of the service is open to every other user
-- caught-by: contract users_only_read_their_own

create policy user_reads_all on credit_purchase.credit_reservations for select to authenticated using (true);
