-- title:     The backend may read a balance, compute and write it back
-- class:     app_read_modify_write
-- operation: update_credit_balance
-- hurts:     everybody whose credits move while the application computes: it overwrites what it has not seen
-- caught-by: contract only_the_backend_calls
--
-- As the source's pages did. That the backend can't is a matter of privileges, so one call shows it.

grant update (balance, updated_at) on peer_booking.credits to service_role;

create policy backend_writes on peer_booking.credits for update to service_role using (true);
