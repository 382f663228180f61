-- title:     Operations can be removed
-- class:     ledger_can_be_rewritten
-- operation: apply_credit_purchase
-- hurts:     the shop: with the operation goes the memory of its payment, which can then be credited again
-- caught-by: contract ledger_only_grows

drop trigger credit_operations_append_only on credit_purchase.credit_operations;
