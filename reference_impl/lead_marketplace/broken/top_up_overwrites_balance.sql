-- title:     A top-up computes the new balance from one that it read without a lock
-- class:     read_modify_write
-- operation: complete_stripe_credit_purchase
-- hurts:     a workspace that loses a top-up, or the shop that gives a lead away: the later write wins
-- caught-by: race top_up_against_purchase,
--            audit balance_equals_entries
-- changes:   functions/complete_stripe_credit_purchase.sql
--
-- The top-up has its own copy of what post_credit_entry does, without the row lock. A purchase that commits between the
-- read and the write is overwritten.

-- @instead of
    v_purchase lead_marketplace.credit_purchases;
-- @write
    v_purchase lead_marketplace.credit_purchases;
    v_before numeric;

-- @instead of
    new_credit_balance := lead_marketplace.post_credit_entry(
        p_workspace_id, p_credits, 'top_up', p_credit_purchase_id => p_credit_purchase_id
-- @write
    insert into lead_marketplace.workspace_credits (workspace_id)
    values (p_workspace_id)
    on conflict (workspace_id) do nothing;

    select account.balance
    into strict v_before
    from lead_marketplace.workspace_credits as account
    where account.workspace_id = p_workspace_id;

    new_credit_balance := v_before + p_credits;
    if new_credit_balance > 9999999999.99 then
        raise exception 'Credit balance would be too large: %', new_credit_balance;
    end if;

    update lead_marketplace.workspace_credits as account
    set balance = new_credit_balance, updated_at = now()
    where account.workspace_id = p_workspace_id
    returning account.balance into strict new_credit_balance;

    insert into lead_marketplace.credit_entries (
        workspace_id, amount, balance_before, balance_after, kind, credit_purchase_id
    )
    values (
        p_workspace_id, p_credits, v_before, new_credit_balance, 'top_up', p_credit_purchase_id
