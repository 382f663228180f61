-- title:     An entry says which balance was read before the movement, not which one it changed
-- class:     stale_balance_in_entry
-- operation: add_workspace_credits
-- hurts:     whoever reads the ledger: the balance is right, and the entries tell another story
-- caught-by: race top_up_against_purchase,
--            audit entry_chain_unbroken
--
-- The UPDATE adds to what is there and is right. The entry is written from a balance that another movement has changed
-- in between, so two entries start from the same balance.

create or replace function lead_marketplace.post_credit_entry(
    p_workspace_id uuid,
    p_amount numeric,
    p_kind text,
    p_purchase_id uuid default null,
    p_credit_purchase_id uuid default null,
    p_grant_id uuid default null
)
returns numeric
language plpgsql
set search_path = ''
as $$
declare
    v_before numeric;
    v_after numeric;
begin
    -- First use. Of two sessions one inserts, the other waits for it here and then finds the row.
    insert into lead_marketplace.workspace_credits (workspace_id)
    values (p_workspace_id)
    on conflict (workspace_id) do nothing;

    select account.balance
    into strict v_before
    from lead_marketplace.workspace_credits as account
    where account.workspace_id = p_workspace_id;

    v_after := v_before + p_amount;
    if v_after > 9999999999.99 then
        raise exception 'Credit balance would be too large: %', v_after;
    end if;

    update lead_marketplace.workspace_credits as account
    set balance = account.balance + p_amount, updated_at = now()
    where account.workspace_id = p_workspace_id
    returning account.balance into strict v_after;

    -- entry_no is drawn here, under the lock: an account's entries are numbered in the order in which they
    -- happened.
    insert into lead_marketplace.credit_entries (
        workspace_id, amount, balance_before, balance_after, kind, purchase_id, credit_purchase_id, grant_id
    )
    values (
        p_workspace_id, p_amount, v_before, v_before + p_amount, p_kind, p_purchase_id, p_credit_purchase_id, p_grant_id
    );
    return v_after;
end;
$$;
