-- title:     Granted credits are kept as floating point numbers
-- class:     money_is_float
-- operation: add_workspace_credits
-- hurts:     whoever adds them up: 0.1 + 0.2 is not 0.3, and the grants don't agree with their entries
-- caught-by: lint money_is_float

alter table lead_marketplace.credit_grants alter column amount type double precision;
