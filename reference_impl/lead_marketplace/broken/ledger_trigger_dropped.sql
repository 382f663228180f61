-- title:     Entries can be changed by those who may do everything
-- class:     ledger_can_be_rewritten
-- operation: add_workspace_credits
-- hurts:     the auditor: what the ledger says today it needn't have said yesterday
-- caught-by: contract ledger_only_grows
--
-- No role was granted it, so only the tables' owner and superusers can, and their migrations.

drop trigger credit_entries_append_only on lead_marketplace.credit_entries;
