-- title:     Entries can be changed and removed
-- class:     ledger_rewritten
-- operation: add_credits
-- hurts:     whoever has to rely on the books: what they said yesterday may be gone
-- caught-by: contract ledger_only_grows

drop trigger credit_entries_append_only on license_billing.credit_entries;
