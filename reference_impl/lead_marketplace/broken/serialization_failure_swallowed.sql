-- title:     Opening a checkout takes any error of its insert for a key that was used
-- class:     exception_swallowed
-- operation: create_credit_purchase
-- hurts:     a client at a higher isolation level, told that its key is taken where it should try again
-- caught-by: race same_checkout_key_repeatable_read,
--            lint retryable_as_refusal
--
-- At repeatable read the second of two inserts with one key raises 40001, which means: nothing happened, try again. The
-- handler makes it a final no, in words that are not even true.

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

    begin
        insert into lead_marketplace.credit_purchases as purchase (workspace_id, credits, request_key)
        values (p_workspace_id, p_credits, p_request_key)
        on conflict (request_key) do nothing
        returning purchase.* into v_purchase;
    exception
        when others then
            raise exception 'Request key was used with other arguments: %', p_request_key;
    end;

    if not found then
        select purchase.*
        into strict v_purchase
        from lead_marketplace.credit_purchases as purchase
        where purchase.request_key = p_request_key;

        if (v_purchase.workspace_id, v_purchase.credits) <> (p_workspace_id, p_credits) then
            raise exception 'Request key was used with other arguments: %', p_request_key;
        end if;
    end if;
    return v_purchase.id;
end;
$$;
