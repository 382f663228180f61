-- title:     The first movement of an account looks whether the row is there and then inserts it
-- class:     first_touch_race
-- operation: add_workspace_credits
-- hurts:     a new workspace: of its first two gifts one fails with a raw unique violation
-- caught-by: race first_top_up_twice
--
-- Both look, both find nothing, both insert. The primary key lets one of them through.

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
    if not exists (
        select 1 from lead_marketplace.workspace_credits as account where account.workspace_id = p_workspace_id
    ) then
        insert into lead_marketplace.workspace_credits (workspace_id) values (p_workspace_id);
    end if;

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
