-- title:     The balance moves and no entry is written
-- class:     no_ledger_entry
-- operation: add_workspace_credits
-- hurts:     everybody who has to say later where the credits went
-- caught-by: lint no_ledger_entry, contract credit_completion_charges_once, contract grant_given_once,
--            contract top_up_credited_once, contract refund_returns_credits_once, audit balance_equals_entries

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
    if v_after > 9999999999.99 then
        raise exception 'Credit balance would be too large: %', v_after;
    end if;

    update lead_marketplace.workspace_credits as account
    set balance = v_after, updated_at = now()
    where account.workspace_id = p_workspace_id
    returning account.balance into strict v_after;

    return v_after;
end;
$$;
