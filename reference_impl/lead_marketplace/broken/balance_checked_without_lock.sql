-- title:           Payment with credits checks the balance without locking it
-- class:           check_then_act
-- operation:       complete_credit_lead_purchase
-- hurts:           the shop: a workspace spends credits that it does not have
-- caught-by:       race two_purchases_one_balance
-- unmask:          alter table lead_marketplace.workspace_credits drop constraint balance_not_negative
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_balances_valid
-- caught-unmasked: race two_purchases_one_balance,
--                  audit balance_not_negative
-- changes:         functions/complete_credit_lead_purchase.sql
--
-- Two payments both read 40 and both find it enough. The constraint on the balance stops the second, with a raw error
-- instead of "Insufficient credits".

-- @instead of
    where account.workspace_id = p_workspace_id
    for no key update;
-- @write
    where account.workspace_id = p_workspace_id;
