-- title:     A function for support sets a balance and writes no entry
-- class:     no_ledger_entry
-- operation: add_workspace_credits
-- hurts:     everybody who has to say later where the credits came from
-- caught-by: lint no_ledger_entry
--
-- No operation calls it, so no call shows it.

create function lead_marketplace.correct_workspace_credits(p_workspace_id uuid, p_balance numeric)
returns void
language sql
security definer
set search_path = ''
as $$
    update lead_marketplace.workspace_credits as account
    set balance = p_balance, updated_at = now()
    where account.workspace_id = p_workspace_id;
$$;

alter function lead_marketplace.correct_workspace_credits(uuid, numeric) owner to lead_marketplace_owner;
revoke all on function lead_marketplace.correct_workspace_credits(uuid, numeric) from public;
