-- title:     Opening a checkout looks for its key first, and leaves the rest to the index
-- class:     raw_unique_violation
-- operation: create_credit_purchase
-- hurts:     a client that sent its request again: it gets a raw unique violation instead of its checkout
-- caught-by: race same_checkout_key_twice,
--            race same_checkout_key_repeatable_read
--
-- The index keeps the data right. The second caller gets an error that looks like a broken server, and nothing tells it
-- that its checkout is open.

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

    select purchase.*
    into v_purchase
    from lead_marketplace.credit_purchases as purchase
    where purchase.request_key = p_request_key;

    if found then
        if (v_purchase.workspace_id, v_purchase.credits) <> (p_workspace_id, p_credits) then
            raise exception 'Request key was used with other arguments: %', p_request_key;
        end if;
        return v_purchase.id;
    end if;

    insert into lead_marketplace.credit_purchases as purchase (workspace_id, credits, request_key)
    values (p_workspace_id, p_credits, p_request_key)
    returning purchase.* into v_purchase;
    return v_purchase.id;
end;
$$;
