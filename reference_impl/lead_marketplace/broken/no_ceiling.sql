-- title:     A balance that would be too large ends in an error instead of a refusal
-- class:     raw_constraint_error
-- operation: add_workspace_credits
-- hurts:     the client, who takes a final answer for a fault of the server and retries for ever
-- caught-by: contract balance_has_a_ceiling

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

    -- This row lock puts the movements of one account in a line. A balance read before it may be another
    -- movement's past, and writing from it would lose that movement.
    select account.balance
    into strict v_before
    from lead_marketplace.workspace_credits as account
    where account.workspace_id = p_workspace_id
    for no key update;

    v_after := v_before + p_amount;

    update lead_marketplace.workspace_credits as account
    set balance = v_after, updated_at = now()
    where account.workspace_id = p_workspace_id
    returning account.balance into strict v_after;

    -- entry_no is drawn here, under the lock: an account's entries are numbered in the order in which they
    -- happened.
    insert into lead_marketplace.credit_entries (
        workspace_id, amount, balance_before, balance_after, kind, purchase_id, credit_purchase_id, grant_id
    )
    values (
        p_workspace_id, p_amount, v_before, v_after, p_kind, p_purchase_id, p_credit_purchase_id, p_grant_id
    );
    return v_after;
end;
$$;
