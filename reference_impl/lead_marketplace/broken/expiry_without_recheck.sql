-- title:     The clean-up marks purchases as failed that it read as pending some time ago
-- class:     status_acted_on_twice
-- operation: expire_lead_purchases
-- hurts:     a buyer whose card payment came late: the money is owed back, and the note of it is overwritten
-- caught-by: race expiry_against_completion
--
-- The list is read without a lock, and the UPDATE doesn't ask for the status again. A purchase that became refund_due
-- in between is turned into a failed one.

create or replace function lead_marketplace.expire_lead_purchases(p_workspace_id uuid default null)
returns table (purchases_expired integer)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_due uuid[];
begin
    v_due := array(
        select purchase.id
        from lead_marketplace.marketplace_purchases as purchase
        where
            purchase.status = 'pending'
            and purchase.expires_at <= now()
            and (p_workspace_id is null or purchase.buyer_workspace_id = p_workspace_id)
        order by purchase.id
    );

    update lead_marketplace.marketplace_purchases as purchase
    set status = 'failed'
    where purchase.id = any(v_due);
    get diagnostics purchases_expired = row_count;
    return next;
end;
$$;
