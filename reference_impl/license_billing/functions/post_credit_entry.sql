-- Move the credits of a request: change the balance of its license, write the entry that says so, and
-- return the entry. The only place where either is written.
--
-- The caller holds the license's lock and has read p_balance under it: a balance read before it may be
-- another movement's past, and writing from it would lose that movement. The caller has also checked that
-- the balance pays for a charge. Should that check be missing, the balance's constraint raises.

create or replace function license_billing.post_credit_entry(
    p_request license_billing.credit_requests,
    p_balance integer
)
returns license_billing.credit_entries
language plpgsql
set search_path = ''
as $$
declare
    -- In bigint, so that a sum that doesn't fit the column is a refusal and not an error of the type.
    v_after bigint := p_balance::bigint + p_request.amount;
    v_entry license_billing.credit_entries;
begin
    if v_after > 2147483647 then
        raise exception 'BALANCE_TOO_LARGE: Balance would be %', v_after;
    end if;

    update license_billing.licenses as license
    set
        credits_remaining = v_after,
        credits_total = license.credits_total + greatest(p_request.amount, 0),
        updated_at = now()
    where license.id = p_request.license_id
    returning license.credits_remaining into strict v_after;

    -- entry_no is drawn here, under the lock: a license's entries are numbered in the order in which they
    -- happened.
    insert into license_billing.credit_entries as entry (
        license_id, request_id, kind, amount, balance_before, balance_after
    )
    values (
        p_request.license_id, p_request.request_id, p_request.kind, p_request.amount, p_balance, v_after
    )
    returning entry.* into strict v_entry;
    return v_entry;
end;
$$;

alter function license_billing.post_credit_entry(license_billing.credit_requests, integer)
owner to license_billing_owner;
revoke all on function license_billing.post_credit_entry(license_billing.credit_requests, integer)
from public, anon, authenticated, service_role;
