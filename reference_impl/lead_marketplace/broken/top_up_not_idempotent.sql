-- title:           A payment that Stripe announces twice is credited twice
-- class:           not_idempotent
-- operation:       complete_stripe_credit_purchase
-- hurts:           the marketplace: every repeated webhook is a gift
-- caught-by:       contract top_up_credited_once, race replayed_top_up
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_request_key_once
-- caught-unmasked: contract top_up_credited_once, race replayed_top_up, audit payment_credited_once,
--                  audit request_key_moves_once

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
