-- title:     A checkout for 501 credits is answered with the one for 500
-- class:     key_reused_for_other_arguments
-- operation: create_credit_purchase
-- hurts:     the workspace: what it asked for and what it is about to pay differ
-- caught-by: contract top_up_credited_once

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

    -- Inserting claims the key: a second call with it waits here until the first has committed or is gone.
    insert into lead_marketplace.credit_purchases as purchase (workspace_id, credits, request_key)
    values (p_workspace_id, p_credits, p_request_key)
    on conflict (request_key) do nothing
    returning purchase.* into v_purchase;

    if not found then
        select purchase.*
        into strict v_purchase
        from lead_marketplace.credit_purchases as purchase
        where purchase.request_key = p_request_key;

        if v_purchase.workspace_id <> p_workspace_id then
            raise exception 'Request key was used with other arguments: %', p_request_key;
        end if;
    end if;
    return v_purchase.id;
end;
$$;
