-- title:           A gift is inserted where its key does not exist yet, in one statement
-- class:           insert_where_not_exists
-- operation:       add_workspace_credits
-- hurts:           the shop: a gift that was sent twice is given twice; with the index, the second call fails raw
-- caught-by:       race same_grant_key_twice
-- unmask:          alter table lead_marketplace.credit_grants drop constraint grant_request_key_once
-- caught-unmasked: race same_grant_key_twice,
--                  lint key_without_unique
--
-- One statement looks safe. It sees only what has committed, so two of them that overlap both find no such key, however
-- short they are.

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

    insert into lead_marketplace.credit_grants as granted (workspace_id, amount, reason, request_key)
    select p_workspace_id, p_amount, p_reason, p_request_key
    where not exists (
        select 1 from lead_marketplace.credit_grants as earlier where earlier.request_key = p_request_key
    )
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
