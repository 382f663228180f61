-- Add credits to a license and return the new balance.
--
-- The same request id again returns the balance of the first time. A license that is inactive or has
-- expired takes credits too: they were paid for, and may settle what was generated before.

create or replace function license_billing.add_credits(
    p_license_key text,
    p_amount integer,
    p_request_id uuid
)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_license_id uuid;
    v_request license_billing.credit_requests;
    v_entry license_billing.credit_entries;
    v_balance integer;
begin
    select license.id
    into v_license_id
    from license_billing.licenses as license
    where license.license_key = p_license_key;

    if v_license_id is null then
        raise exception 'INVALID_LICENSE: License key not found';
    elsif p_amount is null or p_amount <= 0 then
        raise exception 'INVALID_AMOUNT: Amount must be above zero: %', p_amount;
    end if;

    v_request := license_billing.claim_request(p_request_id, v_license_id, 'top_up', p_amount);

    -- This row lock puts the movements of one license in a line, so that the balance is still this one when the
    -- new one is written.
    select license.credits_remaining
    into strict v_balance
    from license_billing.licenses as license
    where license.id = v_license_id
    for no key update;

    select entry.*
    into v_entry
    from license_billing.credit_entries as entry
    where entry.request_id = v_request.request_id;

    if v_entry.entry_no is null then
        v_entry := license_billing.post_credit_entry(v_request, v_balance);
    end if;
    return v_entry.balance_after;
end;
$$;

alter function license_billing.add_credits(text, integer, uuid) owner to license_billing_owner;
revoke all on function license_billing.add_credits(text, integer, uuid)
from public, anon, authenticated, service_role;
grant execute on function license_billing.add_credits(text, integer, uuid) to service_role;
