-- Charge a generation that was recorded as unbilled, and return the new balance.
--
-- The request is the key: charging it again, or after deduct_credits did, returns the balance of that time.
-- What was generated is owed, so the license may be inactive or expired by now. Too few credits leaves the
-- generation unbilled, to be settled after a top-up.

create or replace function license_billing.settle_unbilled_generation(p_request_id uuid)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
    v_request license_billing.credit_requests;
    v_balance integer;
    v_first_balance integer;
begin
    select request.*
    into v_request
    from license_billing.credit_requests as request
    where request.request_id = p_request_id and request.kind = 'usage';

    if v_request.request_id is null then
        raise exception 'UNKNOWN_GENERATION: Nothing was generated under request id %', p_request_id;
    end if;

    -- This lock decides between two settlements, and between settlement and a late deduction.
    select license.credits_remaining
    into strict v_balance
    from license_billing.licenses as license
    where license.id = v_request.license_id
    for no key update;

    select entry.balance_after
    into v_first_balance
    from license_billing.credit_entries as entry
    where entry.request_id = p_request_id;
    if found then
        return v_first_balance;
    end if;
    return license_billing.charge_request(v_request, v_balance);
end;
$$;

alter function license_billing.settle_unbilled_generation(uuid) owner to license_billing_owner;
revoke all on function license_billing.settle_unbilled_generation(uuid)
from public, anon, authenticated, service_role;
grant execute on function license_billing.settle_unbilled_generation(uuid) to service_role;
