-- title:     The backend may read a balance, compute and write it back
-- class:     app_read_modify_write
-- operation: deduct_credits
-- hurts:     everybody whose credits move while the application computes: it overwrites what it has not seen
-- caught-by: contract only_the_backend_calls
--
-- The functions take the row lock; an application that selects a balance in one request and updates it in the next does
-- not, and writes no entry either. That it can't is a matter of privileges, so one call shows it.

grant update (credits_remaining, updated_at) on license_billing.licenses to service_role;

create policy backend_writes on license_billing.licenses for update to service_role using (true);
