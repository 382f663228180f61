-- Charge a generation to its license and return the new balance. If it was recorded as unbilled, it is
-- settled with that, whoever charges it.
--
-- The caller holds the license's lock, has read p_balance under it, and has seen that the request has no
-- entry.

create or replace function license_billing.charge_request(
    p_request license_billing.credit_requests,
    p_balance integer
)
returns integer
language plpgsql
set search_path = ''
as $$
declare
    v_entry license_billing.credit_entries;
begin
    if p_balance < -p_request.amount then
        raise exception 'INSUFFICIENT_CREDITS: Current balance % is less than required %',
            p_balance, -p_request.amount;
    end if;

    v_entry := license_billing.post_credit_entry(p_request, p_balance);

    -- No row: it was deducted at once, as nearly all are.
    update license_billing.unbilled_generations as generation
    set settled_at = now(), entry_no = v_entry.entry_no
    where generation.request_id = p_request.request_id;
    return v_entry.balance_after;
end;
$$;

alter function license_billing.charge_request(license_billing.credit_requests, integer)
owner to license_billing_owner;
revoke all on function license_billing.charge_request(license_billing.credit_requests, integer)
from public, anon, authenticated, service_role;
