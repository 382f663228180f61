-- title:           A top-up is credited and its own row isn't hit by the update
-- class:           row_count_ignored
-- operation:       complete_stripe_credit_purchase
-- hurts:           the marketplace: the top-up looks unpaid, and the next delivery credits it again
-- caught-by:       contract top_up_credited_once, race replayed_top_up, audit unfinished_payment_not_credited
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_request_key_once
-- caught-unmasked: contract top_up_credited_once, race replayed_top_up, audit unfinished_payment_not_credited,
--                  audit payment_credited_once

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

    new_credit_balance := lead_marketplace.post_credit_entry(
        p_workspace_id, p_credits, 'top_up', p_credit_purchase_id => p_credit_purchase_id
    );

    update lead_marketplace.credit_purchases as purchase
    set status = 'completed', completed_at = now()
    where purchase.id = p_credit_purchase_id and purchase.status = 'paid';

    success := true;
    already_completed := false;
    return next;
end;
$$;
