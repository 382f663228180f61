-- title:     The backend may write leads past the functions
-- class:     tables_written_directly
-- operation: mark_leads_sold_bulk
-- hurts:     the partners: a script that changes a status takes no lock and asks nobody
-- caught-by: contract only_the_backend_calls

grant insert, update on lead_marketplace.leads to service_role;
