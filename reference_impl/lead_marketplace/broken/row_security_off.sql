-- title:     Row level security is off for the grants of credit
-- class:     owner_writes_balance
-- operation: add_workspace_credits
-- hurts:     all workspaces: the next blanket grant shows everybody's grants to everybody
-- caught-by: lint row_security_off

alter table lead_marketplace.credit_grants disable row level security;
