-- title:     The backend may delete old entries
-- class:     ledger_can_be_rewritten
-- operation: add_workspace_credits
-- hurts:     the auditor: entries that a clean-up took away can't explain a balance any more
-- caught-by: lint ledger_can_be_rewritten
--
-- The right is granted, and the trigger that refuses it asks who is there first.

grant delete on lead_marketplace.credit_entries to service_role;

create or replace trigger credit_entries_append_only
before update or delete or truncate on lead_marketplace.credit_entries
for each statement when (current_user <> 'service_role')
execute function lead_marketplace.refuse_ledger_change();
