-- title:           A refund reads the purchase without a lock
-- class:           status_acted_on_twice
-- operation:       refund_lead_purchase
-- hurts:           the shop, which gives the credits of one purchase back twice
-- caught-by:       race two_refunds_at_once
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_request_key_once
-- caught-unmasked: race two_refunds_at_once,
--                  audit refund_not_above_charge
--
-- Both refunds read "completed", and each gives the credits back. Only the ledger's unique key stands in the way, and
-- what the second caller gets from it is a raw error.

create or replace function lead_marketplace.refund_lead_purchase(
    p_purchase_id uuid,
    p_workspace_id uuid
)
returns table (success boolean, new_credit_balance numeric, already_refunded boolean)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_purchase lead_marketplace.marketplace_purchases;
    v_charged numeric;
begin
    select purchase.*
    into v_purchase
    from lead_marketplace.marketplace_purchases as purchase
    where purchase.id = p_purchase_id;

    if v_purchase.id is null then
        raise exception 'Purchase not found: %', p_purchase_id;
    elsif v_purchase.buyer_workspace_id is distinct from p_workspace_id then
        raise exception 'Purchase belongs to another workspace: %', p_purchase_id;
    elsif v_purchase.payment_method <> 'credits' then
        raise exception 'Purchase is not paid with credits: %', p_purchase_id;
    elsif v_purchase.status not in ('completed', 'refunded') then
        raise exception 'Purchase cannot be refunded. Status: %', v_purchase.status;
    end if;

    if v_purchase.status = 'refunded' then
        select true, entry.balance_after, true
        into strict success, new_credit_balance, already_refunded
        from lead_marketplace.credit_entries as entry
        where entry.request_key = 'refund:' || p_purchase_id::text;
        return next;
        return;
    end if;

    -- What was charged is what the ledger says, not what anybody claims.
    select -entry.amount
    into strict v_charged
    from lead_marketplace.credit_entries as entry
    where entry.request_key = 'purchase:' || p_purchase_id::text;

    new_credit_balance := lead_marketplace.post_credit_entry(
        p_workspace_id, v_charged, 'refund', p_purchase_id => p_purchase_id
    );

    update lead_marketplace.marketplace_purchases as purchase
    set status = 'refunded', refunded_at = now()
    where purchase.id = p_purchase_id
    returning purchase.id into strict v_purchase.id;

    success := true;
    already_refunded := false;
    return next;
end;
$$;
