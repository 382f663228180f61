-- title:     A top-up computes the new balance from one that it read without a lock
-- class:     read_modify_write
-- operation: complete_stripe_credit_purchase
-- hurts:     a workspace that loses a top-up, or the shop that gives a lead away: the later write wins
-- caught-by: race top_up_against_purchase,
--            audit balance_equals_entries
--
-- The top-up has its own copy of what post_credit_entry does, without the row lock. A purchase that commits between the
-- read and the write is overwritten.

create or replace function lead_marketplace.complete_stripe_credit_purchase(
    p_credit_purchase_id uuid,
    p_workspace_id uuid,
    p_credits numeric
)
returns table (success boolean, new_credit_balance numeric, already_completed boolean)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_purchase lead_marketplace.credit_purchases;
    v_before numeric;
begin
    if lead_marketplace.is_credit_amount(p_credits) is not true then
        raise exception 'Invalid credit amount: %', p_credits;
    end if;

    -- This row lock puts two deliveries of one event in a line; the second finds the purchase completed.
    select purchase.*
    into v_purchase
    from lead_marketplace.credit_purchases as purchase
    where purchase.id = p_credit_purchase_id
    for no key update;

    if v_purchase.id is null then
        raise exception 'Credit purchase not found: %', p_credit_purchase_id;
    elsif v_purchase.workspace_id is distinct from p_workspace_id then
        raise exception 'Credit purchase belongs to another workspace: %', p_credit_purchase_id;
    elsif v_purchase.credits <> p_credits then
        raise exception 'Credit amount differs from the credit purchase. Given: %, Required: %',
            p_credits, v_purchase.credits;
    end if;

    if v_purchase.status = 'completed' then
        select true, entry.balance_after, true
        into strict success, new_credit_balance, already_completed
        from lead_marketplace.credit_entries as entry
        where entry.request_key = 'top_up:' || p_credit_purchase_id::text;
        return next;
        return;
    end if;

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
    );

    update lead_marketplace.credit_purchases as purchase
    set status = 'completed', completed_at = now()
    where purchase.id = p_credit_purchase_id
    returning purchase.id into strict v_purchase.id;

    success := true;
    already_completed := false;
    return next;
end;
$$;
