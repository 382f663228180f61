-- title:           A repeated grant isn't recognised
-- class:           not_idempotent
-- operation:       add_workspace_credits
-- hurts:           the client, who gets a raw unique violation, and the marketplace, which gives twice where none
--                  stands behind
-- caught-by:       contract grant_given_once, race same_grant_key_twice
-- unmask:          alter table lead_marketplace.credit_grants drop constraint grant_request_key_once
-- caught-unmasked: contract grant_given_once, lint key_without_unique

create or replace function lead_marketplace.add_workspace_credits(
    p_workspace_id uuid,
    p_amount numeric,
    p_reason text,
    p_request_key uuid default null
)
returns table (new_credit_balance numeric, already_added boolean)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_grant lead_marketplace.credit_grants;
begin
    if lead_marketplace.is_credit_amount(p_amount) is not true then
        raise exception 'Invalid credit amount: %', p_amount;
    elsif p_reason is null or btrim(p_reason) = '' then
        raise exception 'Reason is missing';
    elsif not exists (
        select 1 from lead_marketplace.workspaces as workspace where workspace.id = p_workspace_id
    ) then
        raise exception 'Workspace not found: %', p_workspace_id;
    end if;

    -- Inserting claims the key: a second call with it waits here until the first has committed or is gone.
    insert into lead_marketplace.credit_grants as granted (workspace_id, amount, reason, request_key)
    values (p_workspace_id, p_amount, p_reason, p_request_key)
    returning granted.* into v_grant;

    if not found then
        select granted.*
        into strict v_grant
        from lead_marketplace.credit_grants as granted
        where granted.request_key = p_request_key;

        if (v_grant.workspace_id, v_grant.amount, v_grant.reason) <> (p_workspace_id, p_amount, p_reason) then
            raise exception 'Request key was used with other arguments: %', p_request_key;
        end if;
        select entry.balance_after, true
        into strict new_credit_balance, already_added
        from lead_marketplace.credit_entries as entry
        where entry.request_key = 'grant:' || v_grant.id::text;
        return next;
        return;
    end if;

    new_credit_balance := lead_marketplace.post_credit_entry(
        p_workspace_id, p_amount, 'grant', p_grant_id => v_grant.id
    );
    already_added := false;
    return next;
end;
$$;
