-- title:     The webhook says how many credits a payment buys
-- class:     amount_from_caller
-- operation: complete_stripe_credit_purchase
-- hurts:     the marketplace: a tampered checkout pays for 500 credits and receives 5000
-- caught-by: contract top_up_credited_once, audit completed_payment_has_entry

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
    end if;

    if v_purchase.status = 'completed' then
        select true, entry.balance_after, true
        into strict success, new_credit_balance, already_completed
        from lead_marketplace.credit_entries as entry
        where entry.request_key = 'top_up:' || p_credit_purchase_id::text;
        return next;
        return;
    end if;

    new_credit_balance := lead_marketplace.post_credit_entry(
        p_workspace_id, p_credits, 'top_up', p_credit_purchase_id => p_credit_purchase_id
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
