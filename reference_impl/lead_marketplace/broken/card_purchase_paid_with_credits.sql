-- title:     A purchase that is paid by card can be paid with credits too
-- class:     wrong_method_accepted
-- operation: complete_credit_lead_purchase
-- hurts:     the buyer, whose card is charged a moment later for what the credits have paid
-- caught-by: contract credit_completion_refusals, audit card_purchase_not_charged

create or replace function lead_marketplace.complete_credit_lead_purchase(
    p_purchase_id uuid,
    p_workspace_id uuid,
    p_credit_amount numeric
)
returns table (
    success boolean,
    new_credit_balance numeric,
    error_message text,
    already_completed boolean
)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_purchase lead_marketplace.marketplace_purchases;
    v_lead_ids uuid[];
    v_price numeric;
    v_available integer;
begin
    success := false;
    already_completed := false;

    -- This row lock decides between two completions of one purchase, and between completion, refund and expiry.
    select purchase.*
    into v_purchase
    from lead_marketplace.marketplace_purchases as purchase
    where purchase.id = p_purchase_id
    for no key update;

    select array_agg(item.lead_id order by item.lead_id), sum(item.price)
    into v_lead_ids, v_price
    from lead_marketplace.marketplace_purchase_items as item
    where item.purchase_id = p_purchase_id;

    -- Each line may rely on those above it.
    error_message := case
        when lead_marketplace.is_credit_amount(p_credit_amount) is not true
            then format('Invalid credit amount: %s', coalesce(p_credit_amount::text, '<NULL>'))
        when v_purchase.id is null
            then format('Purchase not found: %s', coalesce(p_purchase_id::text, '<NULL>'))
        when v_purchase.buyer_workspace_id is distinct from p_workspace_id
            then format('Purchase belongs to another workspace: %s', p_purchase_id)
        when v_lead_ids is null
            then format('No leads found for purchase: %s', p_purchase_id)
        when p_credit_amount <> v_price
            then format('Credit amount differs from the price. Given: %s, Required: %s', p_credit_amount, v_price)
        when v_purchase.status not in ('pending', 'completed')
            then format('Purchase cannot be completed. Status: %s', v_purchase.status)
    end;
    if error_message is not null then
        return next;
        return;
    end if;

    if v_purchase.status = 'completed' then
        select true, entry.balance_after, true
        into strict success, new_credit_balance, already_completed
        from lead_marketplace.credit_entries as entry
        where entry.request_key = 'purchase:' || p_purchase_id::text;
        return next;
        return;
    end if;

    -- The check that counts: whoever validated what before, the leads are locked and looked at here.
    v_available := lead_marketplace.lock_leads(v_lead_ids);
    error_message := case
        when v_purchase.expires_at <= now()
            then format('Purchase has expired: %s', p_purchase_id)
        when v_available < cardinality(v_lead_ids)
            then format(
                'Some leads are no longer available for purchase. Requested: %s, Available: %s',
                cardinality(v_lead_ids), v_available
            )
    end;
    if error_message is not null then
        update lead_marketplace.marketplace_purchases as purchase
        set status = 'failed'
        where purchase.id = p_purchase_id
        returning purchase.id into strict v_purchase.id;
        return next;
        return;
    end if;

    -- A workspace without an account has no credits. One that is being created just now comes after this call.
    select account.balance
    into new_credit_balance
    from lead_marketplace.workspace_credits as account
    where account.workspace_id = p_workspace_id
    for no key update;
    new_credit_balance := coalesce(new_credit_balance, 0.00);

    if new_credit_balance < v_price then
        error_message := format('Insufficient credits. Current: %s, Required: %s', new_credit_balance, v_price);
        return next;
        return;
    end if;

    new_credit_balance := lead_marketplace.post_credit_entry(
        p_workspace_id, -v_price, 'purchase', p_purchase_id => p_purchase_id
    );
    perform lead_marketplace.sell_leads(p_purchase_id, v_lead_ids);

    update lead_marketplace.marketplace_purchases as purchase
    set status = 'completed', completed_at = now()
    where purchase.id = p_purchase_id
    returning purchase.id into strict v_purchase.id;

    success := true;
    return next;
end;
$$;
