-- title:           Opening a checkout queues up on an advisory lock and then looks for its key
-- class:           check_before_lock
-- operation:       create_credit_purchase
-- hurts:           a client at a higher isolation level: a raw error; without the index, two checkouts to pay
-- caught-by:       race same_checkout_key_repeatable_read
-- unmask:          alter table lead_marketplace.credit_purchases drop constraint credit_purchase_request_key_once
-- caught-unmasked: race same_checkout_key_repeatable_read
--
-- This is right at read committed, where each statement sees what has committed before it. At repeatable read the
-- transaction sees what had committed before it began, and that was before the lock: the look comes first after all.

create or replace function lead_marketplace.create_credit_purchase(
    p_workspace_id uuid,
    p_credits numeric,
    p_request_key uuid default null
)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_purchase lead_marketplace.credit_purchases;
begin
    if lead_marketplace.is_credit_amount(p_credits) is not true then
        raise exception 'Invalid credit amount: %', p_credits;
    elsif not exists (
        select 1 from lead_marketplace.workspaces as workspace where workspace.id = p_workspace_id
    ) then
        raise exception 'Workspace not found: %', p_workspace_id;
    end if;

    -- One at a time per key, so looking before inserting is safe.
    perform pg_advisory_xact_lock(hashtextextended(p_request_key::text, 0));
    select purchase.*
    into v_purchase
    from lead_marketplace.credit_purchases as purchase
    where purchase.request_key = p_request_key;

    if not found then
        insert into lead_marketplace.credit_purchases as purchase (workspace_id, credits, request_key)
        values (p_workspace_id, p_credits, p_request_key)
        returning purchase.* into v_purchase;
        return v_purchase.id;
    end if;

    if (v_purchase.workspace_id, v_purchase.credits) <> (p_workspace_id, p_credits) then
        raise exception 'Request key was used with other arguments: %', p_request_key;
    end if;
    return v_purchase.id;
end;
$$;
