-- title:     Nothing stops a change of the ledger
-- class:     ledger_can_be_rewritten
-- operation: apply_wallet_transaction
-- hurts:     everybody who trusts the books: what happened can be made not to have happened
-- caught-by: contract ledger_only_grows

drop trigger wallet_transactions_append_only on stripe_idempotency.wallet_transactions;
