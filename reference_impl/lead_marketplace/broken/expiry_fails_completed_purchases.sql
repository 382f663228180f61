-- title:           The clean-up fails purchases that were paid in time
-- class:           state_not_rechecked
-- operation:       expire_lead_purchases
-- hurts:           the buyer, a day after paying: the leads are gone from the list of purchases
-- caught-by:       contract purchases_expire
-- unmask:          alter table lead_marketplace.marketplace_purchases drop constraint purchase_completed_time
-- caught-unmasked: contract purchases_expire, audit completion_has_its_time, audit unfinished_purchase_not_charged,
--                  audit unfinished_purchase_sold_nothing

create or replace function lead_marketplace.expire_lead_purchases(p_workspace_id uuid default null)
returns table (purchases_expired integer)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_due uuid[];
begin
    -- In the order of the ids, so that two of these can't deadlock. A purchase that is being completed is
    -- waited for, and skipped if it is no longer pending then.
    v_due := array(
        select purchase.id
        from lead_marketplace.marketplace_purchases as purchase
        where
            purchase.expires_at <= now()
            and (p_workspace_id is null or purchase.buyer_workspace_id = p_workspace_id)
        order by purchase.id
        for no key update
    );

    update lead_marketplace.marketplace_purchases as purchase
    set status = 'failed'
    where purchase.id = any(v_due);
    get diagnostics purchases_expired = row_count;
    return next;
end;
$$;
