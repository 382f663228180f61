-- Keep a generation whose deduction could not be made, so that it is charged later, once.
--
-- The request id is the one that deduct_credits was called with. Whether that call took the credits after
-- all may be unknown to the caller; here it is known: billed says so, and there is nothing left to settle.
-- An inactive or expired license is no refusal, since the text has been generated.

create or replace function license_billing.record_unbilled_generation(
    p_license_key text,
    p_amount integer,
    p_request_id uuid,
    p_generation text default null
)
returns table (billed boolean, already_recorded boolean)
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_license_id uuid;
    v_entry_no bigint;
begin
    select license.id
    into v_license_id
    from license_billing.licenses as license
    where license.license_key = p_license_key;

    if v_license_id is null then
        raise exception 'INVALID_LICENSE: License key not found';
    elsif p_amount is null or p_amount <= 0 then
        raise exception 'INVALID_AMOUNT: Amount must be above zero: %', p_amount;
    elsif p_request_id is null then
        raise exception 'INVALID_REQUEST: Request id is missing';
    end if;

    -- A deduction or a record of this request that is under way is waited for here, so that what is read below
    -- is how it ended.
    perform license_billing.claim_request(p_request_id, v_license_id, 'usage', -p_amount);

    select entry.entry_no
    into v_entry_no
    from license_billing.credit_entries as entry
    where entry.request_id = p_request_id;

    insert into license_billing.unbilled_generations (request_id, generation, settled_at, entry_no)
    values (p_request_id, p_generation, case when v_entry_no is not null then now() end, v_entry_no)
    on conflict (request_id) do nothing;

    billed := v_entry_no is not null;
    already_recorded := not found;
    if already_recorded and not exists (
        select 1
        from license_billing.unbilled_generations as generation
        where generation.request_id = p_request_id and generation.generation is not distinct from p_generation
    ) then
        raise exception 'REQUEST_CONFLICT: Request id was used with other arguments: %', p_request_id;
    end if;
    return next;
end;
$$;

alter function license_billing.record_unbilled_generation(text, integer, uuid, text) owner to license_billing_owner;
revoke all on function license_billing.record_unbilled_generation(text, integer, uuid, text)
from public, anon, authenticated, service_role;
grant execute on function license_billing.record_unbilled_generation(text, integer, uuid, text) to service_role;
