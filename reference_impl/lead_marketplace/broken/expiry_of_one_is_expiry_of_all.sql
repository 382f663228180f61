-- title:     The clean-up of one workspace fails the others' purchases
-- class:     filter_ignored
-- operation: expire_lead_purchases
-- hurts:     the workspace that asks: it is told how many purchases of others have expired
-- caught-by: contract purchases_expire

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
            purchase.status = 'pending'
            and purchase.expires_at <= now()
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
