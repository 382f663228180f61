-- title:     A balance is written by an upsert that, on conflict, overwrites what is there
-- class:     first_touch_race
-- operation: add_workspace_credits
-- hurts:     a new workspace: of its first two gifts one is lost
-- caught-by: race first_top_up_twice,
--            audit balance_equals_entries
--
-- A row that isn't there can't be locked. Both movements start from nothing, and the second one's upsert puts its own
-- balance over the first one's. Accounts that exist are safe, so nobody notices for long.

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
    select account.balance
    into v_before
    from lead_marketplace.workspace_credits as account
    where account.workspace_id = p_workspace_id
    for no key update;
    v_before := coalesce(v_before, 0.00);

    v_after := v_before + p_amount;
    if v_after > 9999999999.99 then
        raise exception 'Credit balance would be too large: %', v_after;
    end if;

    insert into lead_marketplace.workspace_credits as account (workspace_id, balance)
    values (p_workspace_id, v_after)
    on conflict (workspace_id) do update set balance = excluded.balance, updated_at = now()
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
