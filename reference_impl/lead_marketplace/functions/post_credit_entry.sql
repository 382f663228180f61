-- Move credit: change the balance of one account, write the entry that says so, and return the new balance.
-- The only place where either is written. Exactly one of the three document ids is given.
--
-- A charge is checked by its caller, who holds the account's lock and knows what to answer. Should that
-- check be missing, the balance's constraint raises.

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

alter function lead_marketplace.post_credit_entry(uuid, numeric, text, uuid, uuid, uuid)
owner to lead_marketplace_owner;
revoke all on function lead_marketplace.post_credit_entry(uuid, numeric, text, uuid, uuid, uuid)
from public, anon, authenticated, service_role;
