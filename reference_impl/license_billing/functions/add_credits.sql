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
    v_license license_billing.licenses;
    v_request license_billing.credit_requests;
    v_entry license_billing.credit_entries;
begin
    -- This row lock puts the movements of one license in a line, so that the balance is still this one when the
    -- new one is written. It comes before the claim, as in deduct_credits.
    select license.*
    into v_license
    from license_billing.licenses as license
    where license.license_key = p_license_key
    for no key update;

    if v_license.id is null then
        raise exception 'INVALID_LICENSE: License key not found';
    elsif p_amount is null or p_amount <= 0 then
        raise exception 'INVALID_AMOUNT: Amount must be above zero: %', p_amount;
    end if;

    v_request := license_billing.claim_request(p_request_id, v_license.id, 'top_up', p_amount);

    select entry.*
    into v_entry
    from license_billing.credit_entries as entry
    where entry.request_id = v_request.request_id;

    if v_entry.entry_no is null then
        v_entry := license_billing.post_credit_entry(v_request, v_license.credits_remaining);
    end if;
    return v_entry.balance_after;
end;
$$;

alter function license_billing.add_credits(text, integer, uuid) owner to license_billing_owner;
revoke all on function license_billing.add_credits(text, integer, uuid)
from public, anon, authenticated, service_role;
grant execute on function license_billing.add_credits(text, integer, uuid) to service_role;
