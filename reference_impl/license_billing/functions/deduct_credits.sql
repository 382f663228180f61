-- Charge a generation to a license and return the new balance.
--
-- The same request id again returns the balance of the first time, whatever has become of the license
-- since. Under the id of a generation that was recorded as unbilled, this settles it.

create or replace function license_billing.deduct_credits(
    p_license_key text,
    p_amount integer,
    p_request_id uuid default null
)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_license license_billing.licenses;
    v_request license_billing.credit_requests;
    v_balance integer;
begin
    -- This row lock puts the movements of one license in a line. Whether the request has been charged, and what
    -- the license is and can pay, is looked at behind it. It comes before the claim, whose foreign key
    -- shares the license: calls that had all shared it would then have to get past each other for the lock.
    select license.*
    into v_license
    from license_billing.licenses as license
    where license.license_key = p_license_key
    for no key update;

    if v_license.id is null then
        raise exception 'INVALID_LICENSE: License key not found';
    end if;

    -- No invalid amount was ever charged, so a call with one can't be a repeat and has no id to claim. Its
    -- refusal comes below, after those of the license.
    if p_amount > 0 then
        v_request := license_billing.claim_request(p_request_id, v_license.id, 'usage', -p_amount);
    end if;

    -- A repeat is answered before anything is asked that may have changed since.
    select entry.balance_after
    into v_balance
    from license_billing.credit_entries as entry
    where entry.request_id = v_request.request_id;
    if found then
        return v_balance;
    end if;

    if not v_license.is_active then
        raise exception 'INACTIVE_LICENSE: License is not active';
    elsif v_license.expires_at <= now() then
        raise exception 'EXPIRED_LICENSE: License has expired';
    elsif p_amount is null or p_amount <= 0 then
        raise exception 'INVALID_AMOUNT: Amount must be above zero: %', p_amount;
    end if;
    return license_billing.charge_request(v_request, v_license.credits_remaining);
end;
$$;

alter function license_billing.deduct_credits(text, integer, uuid) owner to license_billing_owner;
revoke all on function license_billing.deduct_credits(text, integer, uuid)
from public, anon, authenticated, service_role;
grant execute on function license_billing.deduct_credits(text, integer, uuid) to service_role;
